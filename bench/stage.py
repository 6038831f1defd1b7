"""The servers on which everything is measured, one after the other: PostgreSQL, Valkey, RabbitMQ.

They run as the tests have them, with the settings that they come with. Each system gets a database
that is new, and brokers that are empty.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import psutil
import psycopg
import redis
from kombu import Connection
from psycopg import sql

from bench.processes import Failed, manage
from deploy.rabbitmq import local_rabbitmq
from sagas.devserver.interrupts import Interrupts
from sagas.devserver.servers import (
    administrator,
    create_database,
    drop_database,
    local_postgres,
    local_valkey,
)
from sagas.devserver.supervisor import Supervisor

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / ".local" / "bench"
LOGS: Final = FOLDER / "logs"
QUEUES: Final = ("sagas", "celery", "bench-nobody")
"""What one system may leave behind, and the next would take for its own."""

BrokerName = Literal["valkey", "rabbitmq"]
BROKERS: Final[tuple[BrokerName, ...]] = ("valkey", "rabbitmq")


@dataclass(frozen=True)
class Broker:
    """`root` is its process; None for the Valkey, which runs in any case."""

    name: BrokerName
    url: str
    root: int | None = None


@dataclass(frozen=True)
class Stage:
    """`template` is a database with all tables, and without a row."""

    database_url: str
    template: str
    valkey_url: str
    interrupts: Interrupts

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a copy of the template, for as long as the block lasts."""
        name = f"bench_{secrets.token_hex(4)}"
        with administrator(self.database_url) as session:
            clone = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            session.execute(clone.format(*map(sql.Identifier, (name, self.template))))
        try:
            # What copying it has left to write would otherwise be written while somebody measures.
            settle(self.database_url)
            yield create_database(self.database_url, name)
        finally:
            drop_database(self.database_url, name)

    @contextmanager
    def broker(self, name: BrokerName) -> Iterator[Broker]:
        """A broker; one that is not used by anybody does not run."""
        if name == "valkey":
            yield Broker(name, self.valkey_url)
            return
        with local_rabbitmq(FOLDER, self.interrupts) as found:
            yield Broker(name, found.url, found.supervisor.pid_of("rabbitmq"))

    def environment(self, database_url: str, broker: Broker | None) -> dict[str, str]:
        """Of every process of a system: what it does not need harms nobody."""
        broker_url = broker.url if broker else "memory://"
        return {
            **os.environ,
            "DATABASE_URL": database_url,
            "REDIS_URL": self.valkey_url,
            "CELERY_BROKER_URL": broker_url,
            "EVENTS_URL": broker.url if broker else "",
            "SECRET_KEY": "of the benchmarks",
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
        }

    def roots(self, broker: Broker | None) -> list[int]:
        """The servers' processes, for those who count what they use."""
        with psycopg.connect(self.database_url) as session:
            postmaster = psutil.Process(session.info.backend_pid).ppid()
        with redis.Redis.from_url(self.valkey_url) as client:
            valkey = int(client.info("server")["process_id"])
        return [postmaster, valkey, *([broker.root] if broker and broker.root else [])]


@contextmanager
def stage(interrupts: Interrupts, folder: Path = FOLDER) -> Iterator[Stage]:
    """PostgreSQL and Valkey with their data in `folder`, and the template.

    Raises `Failed` if another run is on it: neither would measure anything.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as exits:
        lock = exits.enter_context((folder / "bench.lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"Another run holds {lock.name}: wait for its end.") from None
        database_url = exits.enter_context(local_postgres(folder, interrupts))
        valkey_url = exits.enter_context(local_valkey(folder, interrupts))
        template = f"bench_template_{secrets.token_hex(4)}"
        found = Stage(database_url, template, valkey_url, interrupts)
        exits.callback(drop_database, database_url, template)
        env = found.environment(create_database(database_url, template), None)
        with Supervisor(LOGS, ROOT, interrupts=interrupts) as supervisor:
            supervisor.run(manage(env, "migrate", "-v0"))
        yield found


def settle(database_url: str) -> None:
    """Writes what waits to be written: a checkpoint in the middle of one run is luck."""
    with administrator(database_url) as session:
        session.execute("CHECKPOINT")


def emptied(broker: Broker, valkey_url: str) -> Broker:
    """The same, without what the system before it has left."""
    with redis.Redis.from_url(valkey_url) as client:
        client.flushall()
    if broker.name == "rabbitmq":
        with Connection(broker.url) as connection:
            for queue in QUEUES:
                connection.default_channel.queue_delete(queue)
    return broker
