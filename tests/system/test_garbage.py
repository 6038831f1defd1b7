"""R24: what is no message of a task ends no worker, on either broker."""

import json
import os
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from deploy.local_servers import create_database, drop_database
from deploy.processes import Supervisor
from tests.realtime.brokers import Broker
from tests.servers import FOLDER
from tests.system import trash
from tests.system.running import LIMIT, REPOSITORY, Running, environment, manage, worker

NAME = "worker-garbage"


@pytest.fixture
def alone(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One worker, on this broker."""
    folder = tmp_path_factory.mktemp("garbage")
    server, name = os.environ["DATABASE_URL"], f"garbage_{uuid4().hex[:8]}"
    env = {
        **environment(create_database(server, name), folder),
        "CELERY_BROKER_URL": broker.bus.url,
        "EVENTS_URL": "",
    }
    try:
        with Supervisor(FOLDER / "logs", REPOSITORY) as supervisor:
            supervisor.run(manage(env, "migrate", "-v0"))
            yield Running(supervisor, env, "", "", folder)
    finally:
        drop_database(server, name)


def end_of(running: Running, saga_id: str) -> str:
    for _ in range(int(LIMIT / 0.05)):
        [(status,)] = running.sql(
            "SELECT status FROM sagas_sagaexecution WHERE saga_id = %s", saga_id
        )
        if status not in ("pending", "running"):
            return str(status)
        time.sleep(0.05)
    raise AssertionError(running.supervisor.log_of(NAME).read_text()[-3000:])


def start(running: Running) -> str:
    saga_id = f"behind-{uuid4().hex[:8]}"
    file = running.folder / f"{saga_id}.jsonl"
    file.write_text(json.dumps({"saga_id": saga_id, "context": {"script": {}}}) + "\n")
    running.supervisor.run(manage(running.env, "saga_start", "probe", str(file)))
    return saga_id


def test_a_flood_of_garbage_ends_no_worker(alone: Running) -> None:
    alone.supervisor.start(worker(NAME, alone.env))
    assert end_of(alone, start(alone)) == "completed"
    pid, log = alone.supervisor.pid_of(NAME), alone.supervisor.log_of(NAME)
    before = log.stat().st_size
    sent = trash.throw_in(alone.env["CELERY_BROKER_URL"], times=3)
    assert end_of(alone, start(alone)) == "completed"
    os.kill(pid, 0)
    assert alone.supervisor.pid_of(NAME) == pid
    text = log.read_bytes()[before:].decode(errors="replace")
    assert 1 <= text.count("that can't be read as a message") < sent / 20, "once in a while"
    assert max(map(len, text.splitlines())) < 20_000
    assert "Unrecoverable error" not in text
    assert sent > 100
