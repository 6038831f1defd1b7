"""A pytest plugin: brings up PostgreSQL and Valkey before Django reads its settings.

`DATABASE_URL`, `REDIS_URL` and `CELERY_BROKER_URL` name servers to use instead. It is loaded by
`-p tests.servers` (pyproject.toml), because pytest-django imports the settings before any
conftest.py is read.

`TESTS_PART` names a folder for the servers of this process, so that several can run at once.
`SURROUNDINGS=pooler` puts a PgBouncer before the PostgreSQL.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from deploy.pgbouncer import pgbouncer
from sagas.devserver.interrupts import Interrupts
from sagas.devserver.servers import Servers, servers

FOLDER: Final = (
    Path(__file__).resolve().parent.parent / ".local" / "test" / os.environ.get("TESTS_PART", "")
)
_running: Final = contextlib.ExitStack()


@contextlib.contextmanager
def quick_servers(
    folder: Path, say: Callable[[str], None] = print, interrupts: Interrupts | None = None
) -> Iterator[Servers]:
    """As `servers`, but an embedded PostgreSQL waits for no disk: of what a test leaves, nothing
    has to outlive a power cut. A server that is killed loses nothing by that."""
    is_ours = "DATABASE_URL" not in os.environ
    with servers(folder, say, interrupts) as found:
        if is_ours:
            with psycopg.connect(found.database_url, autocommit=True) as session:
                for name in ("fsync", "full_page_writes"):
                    session.execute(f"ALTER SYSTEM SET {name} = off")
                session.execute("SELECT pg_reload_conf()")
        yield found


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Before any other plugin's part of this hook."""
    found = _running.enter_context(quick_servers(FOLDER))
    database_url = found.database_url
    if os.environ.get("SURROUNDINGS") == "pooler":
        database_url = _running.enter_context(pgbouncer(database_url, FOLDER))
        os.environ["DATABASE_POOLER"] = "transaction"
    os.environ["DATABASE_URL"] = database_url
    os.environ["REDIS_URL"] = found.redis_url
    os.environ["CELERY_BROKER_URL"] = found.broker_url
    os.environ.setdefault("SECRET_KEY", "of the tests")
    return (yield)


def pytest_unconfigure() -> None:
    _running.close()
