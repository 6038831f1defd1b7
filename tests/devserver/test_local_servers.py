"""The embedded servers: real ones, in a folder of the test's own."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from sagas.devserver import postgres
from sagas.devserver.postgres import local_postgres
from sagas.devserver.servers import answers, create_database, drop_database, local_valkey, servers
from tests.waiting import is_alive, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
# Starts a server, says where, and waits to be killed.
HOLDER = """
import sys, time
from pathlib import Path
from sagas.devserver.servers import {manager}
with {manager}(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(60)
"""


def one(url: str) -> object:
    """The answer of the database at `url`."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.execute("SELECT current_database()").fetchone()


def postmasters(folder: Path) -> list[int]:
    """The database servers that have their data below `folder`."""
    return [
        process.pid
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres"
        and any(str(folder) in part for part in process.info["cmdline"] or [])
    ]


def kill_holder(manager: str, folder: Path) -> str:
    """Start a server in another process, kill -9 that; returns the server's URL."""
    code = HOLDER.format(manager=manager)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        url = holder.stdout.readline().strip()
        holder.kill()
    return url


def test_databases_are_created_once_and_dropped_with_their_clients(folder: Path) -> None:
    with local_postgres(folder) as url:
        made = create_database(url, "orders")
        assert create_database(url, "orders") == made
        with psycopg.connect(made, connect_timeout=5):
            drop_database(url, "orders")
        drop_database(url, "orders")
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            one(made)
    assert not postmasters(folder)


def test_the_server_is_shared_and_ends_with_the_last_run(folder: Path) -> None:
    with local_postgres(folder) as first:
        with local_postgres(folder) as second:
            assert first == second
        assert one(first) == ("postgres",)
    assert not postmasters(folder)


def test_a_server_that_a_killed_run_left_is_taken_over_and_stopped(folder: Path) -> None:
    url = kill_holder("local_postgres", folder)
    with local_postgres(folder) as again:
        assert again == url
        assert one(again) == ("postgres",)
    assert not postmasters(folder)


def test_a_server_that_was_killed_itself_recovers(folder: Path) -> None:
    with local_postgres(folder) as url:
        create_database(url, "kept")
        [pid] = postmasters(folder)
        psutil.Process(pid).kill()
        wait_until(lambda: not is_alive(pid))
    with local_postgres(folder) as url:
        assert one(create_database(url, "kept")) == ("kept",)


def test_a_pid_file_that_names_a_stranger_is_not_believed(folder: Path) -> None:
    data = next(folder.glob("postgres-*[0-9]"))
    stranger = [os.getpid(), data, 0, 5432, data, "", "0 0", "ready"]
    (data / "postmaster.pid").write_text("\n".join(str(line) for line in stranger))
    with local_postgres(folder) as url:
        assert one(url) == ("postgres",)


def test_a_broken_off_initialisation_is_done_anew(folder: Path) -> None:
    data = next(folder.glob("postgres-*[0-9]"))
    data.with_suffix(".complete").unlink()
    (data / "base").rename(folder / "lost")
    with local_postgres(folder) as url:
        assert one(url) == ("postgres",)


def test_the_broker_ends_with_its_run_also_by_kill_9(folder: Path) -> None:
    with local_valkey(folder) as url:
        assert answers(url)
    assert not answers(url)
    killed = kill_holder("local_valkey", folder)
    wait_until(lambda: not answers(killed))


def test_servers_of_the_environment_are_used_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:secret@db.example:5432/app")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example")
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    said: list[str] = []
    with servers(tmp_path, said.append) as found:
        assert found.database_url == "postgresql://me:secret@db.example:5432/app"
        assert found.broker_url == found.redis_url == "redis://cache.example"
    assert not any("secret" in line for line in said)
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://rabbit.example")
    with servers(tmp_path, said.append) as found:
        assert found.broker_url == "amqp://rabbit.example"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_never_released_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LOCK_SECONDS", 0.1)
    with (folder / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError, match="end that run"), local_postgres(folder):
            pass
