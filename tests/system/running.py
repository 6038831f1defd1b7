"""Real processes: a web server and Celery workers on the real PostgreSQL and Valkey."""

import json
import os
import reprlib
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from celery import Celery
from kombu import Connection
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from sagas.devserver.child import Command
from sagas.devserver.supervisor import Supervisor

REPOSITORY = Path(__file__).resolve().parent.parent.parent
WORKERS = ("worker-1", "worker-2")
LIMIT = 100.0
"""Seconds for a saga to get anywhere: several leases of these tests' steps, on a busy machine."""


@dataclass
class Running:
    """What runs, and how to talk to it."""

    supervisor: Supervisor
    env: Mapping[str, str]
    web_url: str
    token: str
    folder: Path

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def token_for(self, username: str) -> str:
        """A token of another user, who is made if missing."""
        return self.supervisor.run(manage(self.env, "saga", "token", username, "--create")).strip()

    def start(self, saga_type: str = "probe", script: Mapping[str, str] | None = None) -> str:
        """Starts a saga over HTTP; its saga_id."""
        saga_id = f"{saga_type}-{uuid4().hex[:12]}"
        body = {"saga_type": saga_type, "saga_id": saga_id, "context": {"script": script or {}}}
        answer = self.post(body)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return saga_id

    def post(self, body: Any) -> httpx.Response:
        return self.request("POST", "sagas", json=body)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        options.setdefault("headers", self.headers)
        url = f"{self.web_url}/api/v1/{path}"
        return httpx.request(method, url, timeout=20, trust_env=False, **options)

    def show(self, saga_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.request("GET", f"sagas/{saga_id}").json()
        return found

    def socket(self, saga_id: str, after: int = 0, **options: Any) -> Any:
        url = f"{self.web_url.replace('http', 'ws', 1)}/ws/v1/sagas/{saga_id}/?after={after}"
        options.setdefault("additional_headers", self.headers)
        # Without a limit: past it the client stops reading, and then waits ten seconds for a
        # close frame that it does not read either.
        options.setdefault("max_queue", None)
        return connect(url, proxy=None, open_timeout=20, **options)

    def follow(self, saga_id: str, after: int = 0) -> Iterator[dict[str, Any]]:
        """The saga's events as they come, to its end."""
        with self.socket(saga_id, after) as socket:
            while True:
                try:
                    message = json.loads(socket.recv(timeout=LIMIT))
                except ConnectionClosed:
                    return
                if "seq" in message:
                    yield message

    def wait_for(self, saga_id: str, event_type: str, step: str | None = None) -> dict[str, Any]:
        """The first event of that type (and step), once it has happened."""
        for event in self.follow(saga_id):
            if event["type"] == event_type and step in (None, event["step"]):
                return event
        raise AssertionError(f"{saga_id} ended without {event_type}: {self.show(saga_id)}")

    def end_of(self, saga_id: str) -> dict[str, Any]:
        """The execution, once it has ended."""
        for event in self.follow(saga_id):
            if event["type"] == "saga.failed":
                break
        return self.show(saga_id)

    def journal(self, saga_id: str) -> list[str]:
        """Every call of a step: `["a action 1", …]`, in order."""
        path = self.folder / f"{saga_id}.journal"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.rsplit(" ", 1)[0] for line in lines]

    def wait_for_call(self, saga_id: str, call: str) -> None:
        """Until the journal says that a step was called: a little after its claim."""
        for _ in range(int(LIMIT / 0.01)):
            if call in self.journal(saga_id):
                return
            time.sleep(0.01)
        raise AssertionError(f"{call!r} was never called: {self.journal(saga_id)}")

    def process_of_last_call(self, saga_id: str) -> int:
        """The process in which the last call ran."""
        return int((self.folder / f"{saga_id}.journal").read_text().split()[-1])

    def worker_of_last_call(self, saga_id: str) -> str:
        """The worker in one of whose processes the last call ran."""
        group = os.getpgid(self.process_of_last_call(saga_id))
        [name] = [name for name in WORKERS if self.supervisor.pid_of(name) == group]
        return name

    def open_gate(self, saga_id: str, step: str) -> None:
        """Lets a step that waits go on."""
        (self.folder / f"{saga_id}.{step}.open").touch()

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(
            self.env["DATABASE_URL"], autocommit=True, prepare_threshold=None
        ) as session:
            cursor = session.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def purge(self) -> int:
        """Empties the Celery queue; how many messages it held."""
        with Connection(self.env["CELERY_BROKER_URL"]) as broker:
            return int(broker.default_channel.queue_purge("sagas"))


Heard = Mapping[str, list[dict[str, Any]]]
"""Task id → its events, in the order in which they came."""


def hear_tasks(
    running: Running,
    begin: Callable[[], None],
    is_all: Callable[[Heard], bool],
    within: float = LIMIT,
) -> Heard:
    """What Flower is told of tasks, from `begin` until that is all."""
    app = Celery(broker=running.env["CELERY_BROKER_URL"], set_as_current=False)
    heard: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def hear(event: dict[str, Any]) -> None:
        if "uuid" in event:
            heard[event["uuid"]].append(event)

    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": hear})
        events = receiver.itercapture(timeout=within, wakeup=False)
        next(events)  # whoever hears a heartbeat hears all that follows
        begin()
        deadline = time.monotonic() + within
        while not is_all(heard):
            assert time.monotonic() < deadline, f"of {len(heard)} tasks: {reprlib.repr(heard)}"
            next(events)
    return heard


def web(env: Mapping[str, str], port: int) -> Command:
    argv = [sys.executable, "-m", "uvicorn", "project.asgi:application", "--port", str(port)]
    return Command("web", argv, env, ready=f"http://127.0.0.1:{port}/health/")


def worker(name: str, env: Mapping[str, str], *options: str, app: str = "celery_app") -> Command:
    argv = [sys.executable, "-m", "celery", "-A", app, "worker", "-E"]
    argv += ["--concurrency", "2", "-n", f"{name}@%h", "--loglevel", "INFO", *options]
    return Command(name, argv, env, ready=lambda logged: " ready." in logged)


def manage(env: Mapping[str, str], *arguments: str) -> Command:
    return Command("manage", [sys.executable, "manage.py", *arguments], env)


def environment(database_url: str, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "tests.system.settings",
        "PROBE_FOLDER": str(folder),
        "PYTHONUNBUFFERED": "1",
    }
