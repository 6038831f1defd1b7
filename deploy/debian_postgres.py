"""A real PostgreSQL of an older version: Debian's, out of its packages, without installing them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from deploy.debian_packages import NotToBeHad, unpacked
from sagas.devserver.child import Command
from sagas.devserver.supervisor import Supervisor, free_port

RELEASE: Final = "bookworm"
VERSION: Final = 15
"""What Debian 12 has."""

PACKAGES: Final = (
    f"postgresql-{VERSION}",
    "libldap-2.5-0",
    "libsasl2-2",
    "libicu72",
    "libxml2",
    "libllvm14",
)
"""Its libraries as well: the machine has no need of them itself."""

NOBODY: Final = 65534
"""Debian's user and group without rights: it refuses to be root."""


class NoPostgreSQL(Exception):
    """It is not to be had on this machine; says why."""


@contextmanager
def debian_postgres(folder: Path) -> Iterator[str]:
    """The URL of the database `postgres` of a new server on a free port of the loopback interface,
    for as long as the block lasts. Its data is below `folder` until then. Raises `NoPostgreSQL`, or
    ProcessError with its log.
    """
    try:
        root = unpacked(folder, f"postgresql-{VERSION}-packages", PACKAGES, RELEASE)
    except NotToBeHad as error:
        raise NoPostgreSQL(f"PostgreSQL {VERSION}: {error}") from None
    programs = root / f"usr/lib/postgresql/{VERSION}/bin"
    libraries = sorted({str(each.parent) for each in (root / "usr/lib").rglob("*.so*")})
    env = {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(libraries)}
    port = free_port()
    data = (folder / "postgresql" / str(port)).resolve()
    data.mkdir(parents=True)
    as_user = _as_nobody(data)
    try:
        _initialize([*as_user, str(programs / "initdb")], data, env)
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        arguments = ["-D", str(data / "data"), "-p", str(port), "-h", "127.0.0.1", "-k", ""]
        server = Command(
            name="postgresql",
            argv=[*as_user, str(programs / "postgres"), *arguments, "-c", "fsync=off"],
            env=env,
            ready=lambda _: _answers(url),
            ready_within=30.0,
        )
        with Supervisor(data, data) as supervisor:
            supervisor.start(server)
            yield url
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _as_nobody(data: Path) -> list[str]:
    """What goes before a command; the folder is given to whoever it makes it."""
    if os.geteuid() != 0:
        return []
    os.chown(data, NOBODY, NOBODY)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def _initialize(initdb: list[str], data: Path, env: dict[str, str]) -> None:
    options = ["-D", str(data / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
    shares = f"-L{Path(initdb[-1]).parents[5] / f'usr/share/postgresql/{VERSION}'}"
    done = subprocess.run(
        [*initdb, *options, "--no-locale", shares], env=env, capture_output=True, text=True
    )
    if done.returncode:
        raise NoPostgreSQL(f"PostgreSQL {VERSION} could not be set up: {done.stderr[-500:]}")


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True
