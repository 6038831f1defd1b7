"""Sessions of real workers: those that end, and those that a PgBouncer shares (R22, R27)."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from celery import Celery

from deploy.pgbouncer import NoPgBouncer, pgbouncer
from sagas.devserver.child import Command
from sagas.devserver.servers import create_database, drop_database
from sagas.devserver.supervisor import Supervisor
from tests.servers import FOLDER
from tests.system.running import LIMIT, REPOSITORY, Running, environment, manage, worker

SAGAS = 40

START_MANY = f"""
from sagas import engine
engine.start_many("probe", [engine.NewSaga({{"script": {{}}}}) for _ in range({SAGAS})])
"""

END_ALL = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@contextmanager
def threads(running: Running, queue: str) -> Iterator[None]:
    argv = [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "-P", "threads"]
    argv += ["--concurrency", "2", "-n", f"{queue}@%h", "-Q", queue, "--loglevel", "INFO"]
    command = Command(queue, argv, running.env, ready=lambda logged: " ready." in logged)
    running.supervisor.start(command)
    try:
        yield
    finally:
        running.supervisor.stop(queue)


def lines_in(path: Path, count: int) -> list[str]:
    """Those of the file, once there are so many."""
    deadline = time.monotonic() + LIMIT
    while True:
        lines = path.read_text().splitlines() if path.exists() else []
        if len(lines) >= count or time.monotonic() > deadline:
            return lines
        time.sleep(0.05)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_r22_tasks_of_ones_own_survive_the_end_of_all_sessions(
    running: Running, tmp_path: Path, pool: str
) -> None:
    """Nothing that is set for the engine's speed keeps a dead session for them."""
    queue = "sagas" if pool == "prefork" else f"threads-{uuid4().hex[:6]}"
    journal = tmp_path / "journal"
    app = Celery(broker=running.env["CELERY_BROKER_URL"], set_as_current=False)

    def send(count: int) -> None:
        for _ in range(count):
            app.send_task("probe.count_users", [str(journal)], queue=queue, ignore_result=True)

    def play() -> None:
        send(8)
        assert len(lines_in(journal, 8)) == 8
        assert running.sql(END_ALL)[0][0] > 0
        send(40)
        assert len(lines_in(journal, 48)) == 48

    if pool == "threads":
        with threads(running, queue):
            play()
    else:
        play()
        saga_id = running.start()
        assert running.end_of(saga_id)["status"] == "completed"


def test_r27_workers_and_their_relay_behind_pgbouncer(tmp_path: Path) -> None:
    server, name = os.environ["DATABASE_URL"], f"pooled_{uuid4().hex[:8]}"
    direct = create_database(server, name)
    try:
        with (
            pgbouncer(direct, FOLDER, "transaction", sessions=4) as through,
            Supervisor(FOLDER / "logs", REPOSITORY) as supervisor,
        ):
            env = environment(through, tmp_path) | {
                "DATABASE_POOLER": "transaction",
                "CELERY_BROKER_URL": f"{os.environ['REDIS_URL'].rstrip('/')}/7",
            }
            supervisor.run(manage(env, "migrate", "-v0"))
            checked = supervisor.run(manage(env, "check", "--database", "default"))
            assert "sagas.W01" not in checked
            supervisor.start(worker("pooled-1", env), worker("pooled-2", env))
            supervisor.run(manage(env, "shell", "-c", START_MANY))
            assert completed_and_relayed(direct) == (SAGAS, 0)
    except NoPgBouncer as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"The CI tests PgBouncer, too: {error}")
        pytest.skip(str(error))
    finally:
        drop_database(server, name)


def completed_and_relayed(url: str) -> tuple[int, int]:
    """How many sagas are completed, and how many have events that are not on the bus."""
    found = (0, SAGAS)
    deadline = time.monotonic() + LIMIT
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as session:
        while found != (SAGAS, 0) and time.monotonic() < deadline:
            time.sleep(0.1)
            [found] = session.execute(
                "SELECT count(*) FILTER (WHERE status = 'completed'), "
                "count(*) FILTER (WHERE unrelayed) FROM sagas_sagaexecution"
            ).fetchall()
    return found
