"""A database and a folder for workers of one test, on a broker of its own."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from sagas.devserver.servers import create_database, drop_database
from sagas.devserver.supervisor import Supervisor
from tests.servers import FOLDER
from tests.system.running import LIMIT, REPOSITORY, Running, environment, manage


@contextmanager
def alone(broker_url: str, folder: Path) -> Iterator[Running]:
    """Without a web server, and with no worker yet."""
    server, name = os.environ["DATABASE_URL"], f"alone_{uuid4().hex[:8]}"
    env = {
        **environment(create_database(server, name), folder),
        "CELERY_BROKER_URL": broker_url,
        "EVENTS_URL": "",
    }
    try:
        with Supervisor(FOLDER / "logs", REPOSITORY) as supervisor:
            supervisor.run(manage(env, "migrate", "-v0"))
            yield Running(supervisor, env, "", "", folder)
    finally:
        drop_database(server, name)


def start(
    running: Running, scripts: Mapping[str, Any], saga_type: str = "probe", **context: Any
) -> None:
    """A saga for each (saga_id → script)."""
    file = running.folder / f"{uuid4().hex}.jsonl"
    lines = (
        json.dumps({"saga_id": saga_id, "context": {"script": script, **context}})
        for saga_id, script in scripts.items()
    )
    file.write_text("\n".join(lines))
    running.supervisor.run(manage(running.env, "saga", "start", saga_type, str(file)))


def wait_for_end(running: Running, *names: str) -> None:
    """Until none is pending, running or compensating; shows the log of these processes if not."""
    deadline = time.monotonic() + LIMIT
    while running.sql(
        "SELECT 1 FROM sagas_sagaexecution WHERE status IN ('pending', 'running', 'compensating') "
        "LIMIT 1"
    ):
        logs = (running.supervisor.log_of(name).read_text()[-3000:] for name in names)
        assert time.monotonic() < deadline, "\n".join(logs)
        time.sleep(0.05)
