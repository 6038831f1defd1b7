"""Two web processes on the database of these tests; what an order does is done by the test itself,
step by step, as a worker would."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.sync.client import connect
from websockets.typing import Origin

from realtime import conversations
from sagas import engine, listeners
from sagas.devserver.child import Command
from sagas.devserver.supervisor import Supervisor, free_port
from sagas.live.push import push
from sagas.models import SagaExecution
from tests.chromium import chromium as chromium
from tests.engine.driving import claim
from tests.logins import LOGIN, MODEL
from tests.servers import FOLDER
from tests.system.running import REPOSITORY

INPUT = {
    "user_id": "alice",
    "items": [{"sku": "lamp", "quantity": 1}],
    "amount_cents": 1990,
    "currency": "EUR",
    "card": "visa",
}
PASSWORD = "a lamp for Alice"


@pytest.fixture(autouse=True)
def _only_pushes(settings: LazySettings) -> Iterator[None]:
    """Transitions are told to the pages, and to nobody who would act on them."""
    settings.EVENTS_URL = ""
    before = list(listeners._listeners)
    listeners._listeners[:] = [push]
    yield
    listeners._listeners[:] = before


@dataclass(frozen=True)
class Crew:
    """Who there is: the owner of the order, somebody else's customer, and two of the staff. `anna`
    may join an order, `otto` may not."""

    alice: Any
    mallory: Any
    anna: Any
    otto: Any


@pytest.fixture
def crew(db: None) -> Crew:
    def user(name: str, **flags: bool) -> Any:
        return MODEL.objects.create_user(
            **{LOGIN: f"{name}@example.com"}, password=PASSWORD, **flags
        )

    anna = user("anna", is_staff=True)
    codename = conversations.JOIN.rpartition(".")[2]
    otto = user("otto", is_staff=True)
    may_view = Permission.objects.get(codename="view_sagaexecution")
    anna.user_permissions.add(Permission.objects.get(codename=codename), may_view)
    otto.user_permissions.add(may_view)
    return Crew(user("alice"), user("mallory"), anna, otto)


@pytest.fixture
def order(crew: Crew) -> str:
    """One that Alice owns; its saga_id."""
    return new_order(crew.alice)


def new_order(owner: Any) -> str:
    started = engine.start(
        conversations.SAGA_TYPE, INPUT, saga_id=f"order-{uuid4().hex[:8]}", owner_id=owner.pk
    )
    return started.saga_id


def do(saga_id: str, *steps: str) -> None:
    """Has the services answer: each step succeeds."""
    answers = {
        "reserve_inventory": {"reservation_id": "r"},
        "process_payment": {"payment_id": "p"},
        "create_order": {"order_id": "o"},
    }
    pk = SagaExecution.objects.get(saga_id=saga_id).pk
    for step in steps:
        work = claim(pk, step)
        assert work is not None, step
        engine.succeed(work, answers.get(step, {}))


@dataclass(frozen=True)
class Webs:
    supervisor: Supervisor
    urls: tuple[str, str]

    @contextmanager
    def killed(self, name: str) -> Iterator[None]:
        """`web-1` or `web-2` is killed, and is back at the end of the block, whatever happens."""
        self.supervisor.kill(name)
        try:
            yield
        finally:
            self.supervisor.restart(name)


@pytest.fixture(scope="session")
def webs(django_db_setup: None) -> Iterator[Webs]:
    database = urlsplit(os.environ["DATABASE_URL"])._replace(
        path=f"/{connection.settings_dict['NAME']}"
    )
    env = {
        **os.environ,
        "DATABASE_URL": database.geturl(),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONUNBUFFERED": "1",
    }
    ports = {name: free_port() for name in ("web-1", "web-2")}
    logs = FOLDER / "logs" / "tracking"
    with Supervisor(logs, REPOSITORY, say=lambda _: None) as supervisor:
        supervisor.start(*(_web(name, port, env) for name, port in ports.items()))
        one, two = (f"http://127.0.0.1:{port}" for port in ports.values())
        yield Webs(supervisor, (one, two))


def _web(name: str, port: int, env: dict[str, str]) -> Command:
    argv = [sys.executable, "-m", "uvicorn", "project.asgi:application", "--port", str(port)]
    return Command(name, argv, env, ready=f"http://127.0.0.1:{port}/health/live")


# --- A socket ---------------------------------------------------------------------------------
Open = Callable[..., Any]


@pytest.fixture
def open_socket(webs: Webs) -> Iterator[Open]:
    """Opens an order's socket as a browser on the site would, with a session."""
    with ExitStack() as opened:

        def open_it(saga_id: str, user: Any, *, web: int = 0, after: object = 0) -> Any:
            client = Client()
            client.force_login(user)
            cookie = f"sessionid={client.cookies['sessionid'].value}"
            url = f"{webs.urls[web].replace('http', 'ws', 1)}/ws/v1/orders/{saga_id}/"
            socket = connect(
                f"{url}?after={after}",
                origin=Origin(webs.urls[web]),
                additional_headers={"Cookie": cookie},
                proxy=None,
                open_timeout=30,
                max_queue=None,
            )
            return opened.enter_context(socket)

        yield open_it


def tell(socket: Any, **frame: Any) -> None:
    socket.send(json.dumps(frame, default=str))


def hear(socket: Any, timeout: float = 30) -> dict[str, Any]:
    """The next frame; a close is `{"type": "close", "code": …, "reason": …}`."""
    try:
        found: dict[str, Any] = json.loads(socket.recv(timeout=max(0.0, timeout)))
    except ConnectionClosed as closed:
        close = closed.rcvd or Close(1006, "")
        return {"type": "close", "code": close.code, "reason": close.reason}
    return found


def hear_until(
    socket: Any, wanted: Callable[[dict[str, Any]], Any], timeout: float = 30
) -> list[dict[str, Any]]:
    """All frames up to the first that `wanted` likes, which is the last."""
    heard: list[dict[str, Any]] = []
    deadline = time.monotonic() + timeout
    while not heard or not wanted(heard[-1]):
        assert not heard or heard[-1]["type"] != "close", heard[-3:]
        heard.append(hear(socket, deadline - time.monotonic()))
    return heard


def is_(kind: str, **values: Any) -> Callable[[dict[str, Any]], bool]:
    """Whether a frame is of that type, and has these values."""
    return lambda frame: frame["type"] == kind and all(frame[k] == v for k, v in values.items())
