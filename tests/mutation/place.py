"""Where trials are run, one after the other: servers, and a database that each finds empty."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from sagas.devserver.servers import administrator, create_database, drop_database
from tests.mutation.fault import ROOT
from tests.servers import quick_servers

FOLDER: Final = ROOT / ".local" / "mutation"


@dataclass(frozen=True, slots=True)
class Place:
    environment: Mapping[str, str]
    server: str
    """The URL of a database to connect to first."""
    template: str
    """The name of a database with all tables. No process of a trial connects to it: Django puts
    `test_` before the name that it is given."""

    def empty_database(self) -> None:
        """Whatever the last trial left: it may have been killed."""
        name = f"test_{self.template}"
        drop_database(self.server, name)
        with administrator(self.server) as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            names = map(sql.Identifier, (name, self.template))
            connection.execute(statement.format(*names))


@contextmanager
def place(number: int) -> Iterator[Place]:
    """A place of its own for each number: some tests look at all locks of their server.

    Only servers that the environment names are shared.
    """
    with quick_servers(FOLDER / str(number), say=lambda _: None) as found:
        # By the process: the same folder may serve another run, or one that was killed.
        name = f"mutation_{os.getpid()}_{number}"
        environment = {
            **os.environ,
            "DATABASE_URL": create_database(found.database_url, name),
            "REDIS_URL": found.redis_url,
            "CELERY_BROKER_URL": found.broker_url,
            "SECRET_KEY": "of the tests",
            "DJANGO_SETTINGS_MODULE": "tests.settings",  # pytest's: or the template lacks tables
        }
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        try:
            yield Place(environment, found.database_url, name)
        finally:
            for database in (f"test_{name}", name):
                drop_database(found.database_url, database)
