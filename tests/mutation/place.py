"""Where trials are run, one after the other: servers, a database that each finds empty, and a copy
of the source."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

from psycopg import sql

from sagas.devserver.servers import administrator, create_database, drop_database
from tests.mutation.fault import ROOT, Fault
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
    source: Path
    """A copy of the project's packages. What Python compiles of it is kept from trial to trial."""

    def empty_database(self) -> None:
        """Whatever the last trial left: it may have been killed."""
        name = f"test_{self.template}"
        drop_database(self.server, name)
        with administrator(self.server) as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            names = map(sql.Identifier, (name, self.template))
            connection.execute(statement.format(*names))

    @contextmanager
    def sown(self, fault: Fault | None) -> Iterator[None]:
        """Puts the fault into the copy, and takes it out again."""
        if fault is None:
            yield
            return
        file = self.source / fault.file
        file.write_text(fault.sown_in(ROOT))
        _forget_compiled(file)
        try:
            yield
        finally:
            shutil.copy2(ROOT / fault.file, file)
            _forget_compiled(file)


def _forget_compiled(file: Path) -> None:
    """Python knows what it has compiled by the source's size, and its time in whole seconds."""
    Path(cache_from_source(str(file))).unlink(missing_ok=True)


def _copy_source(to: Path) -> None:
    for path in ROOT.iterdir():
        if (path / "__init__.py").exists():
            shutil.copytree(path, to / path.name)
        elif path.suffix == ".py" or path.name == "pyproject.toml":
            shutil.copy2(path, to)


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
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "",
        }
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        try:
            with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
                source = Path(folder)
                _copy_source(source)
                yield Place(environment, found.database_url, name, source)
        finally:
            for database in (f"test_{name}", name):
                drop_database(found.database_url, database)
