"""A real PgBouncer of this run alone: the machine's own, else Debian's out of its packages.

See https://www.pgbouncer.org/config.html for its settings.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from deploy.debian_packages import NotToBeHad, unpacked
from sagas.devserver.child import Command
from sagas.devserver.interrupts import Interrupts
from sagas.devserver.supervisor import Supervisor, free_port

RELEASE: Final = "bookworm"
"""Debian 12, with PgBouncer 1.18: it knows no prepared statements (those came with 1.21)."""

PACKAGES: Final = ("pgbouncer", "libc-ares2", "libevent-2.1-7")

INSTALLED: Final = "usr/sbin/pgbouncer"
LIBRARIES: Final = "usr/lib"
"""Where Debian puts them, from the root of the packages."""

SESSIONS: Final = 20
"""Sessions of PostgreSQL that its clients share, to a database."""


NOBODY: Final = 65534
"""Debian's user and group without rights."""


class NoPgBouncer(Exception):
    """There is no PgBouncer on this machine, and none to be had; says why."""


@contextmanager
def pgbouncer(
    database_url: str,
    folder: Path,
    mode: Literal["transaction", "session"] = "transaction",
    *,
    sessions: int = SESSIONS,
    interrupts: Interrupts | None = None,
) -> Iterator[str]:
    """The URL of the same database through a PgBouncer on a free port of the loopback interface,
    for as long as the block lasts. Every database of that server is there, under its own name.

    Start-up parameters that it does not know by itself are refused, as they are by default; nobody
    is asked for a password. What it writes is below `folder` until then. Raises `NoPgBouncer`, or
    ProcessError with its log.
    """
    program, libraries = pgbouncer_program(folder)
    port = free_port()
    data = (folder / "pgbouncer" / str(port)).resolve()
    data.mkdir(parents=True)
    settings = data / "pgbouncer.ini"
    settings.write_text(_settings(database_url, port, mode, sessions))
    server = Command(
        name="pgbouncer",
        argv=[*_as_no_root(database_url), str(program), str(settings)],
        env={**os.environ, "LD_LIBRARY_PATH": libraries} if libraries else os.environ,
        ready=lambda logged: "process up" in logged,
        ready_within=20.0,
    )
    try:
        with Supervisor(data, data, interrupts=interrupts or Interrupts()) as supervisor:
            supervisor.start(server)
            name = urlsplit(database_url).path
            yield f"postgresql://postgres@127.0.0.1:{port}{name}"
    finally:
        shutil.rmtree(data, ignore_errors=True)


def pgbouncer_program(folder: Path) -> tuple[Path, str]:
    """Where it is, and the folders of libraries that it needs besides those of the machine.

    What has to be unpacked goes below `folder`. Raises `NoPgBouncer`.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    if found := shutil.which("pgbouncer", path=path):
        return Path(found), ""
    try:
        root = unpacked(folder, "pgbouncer-packages", PACKAGES, RELEASE)
    except NotToBeHad as error:
        raise NoPgBouncer(f"none is installed, and {error} Install pgbouncer.") from None
    folders = sorted({str(each.parent) for each in (root / LIBRARIES).rglob("*.so*")})
    return root / INSTALLED, os.pathsep.join(folders)


def _as_no_root(database_url: str) -> list[str]:
    """What goes before a command: it refuses to be root. A folder with a server's socket is open
    to its owner alone."""
    if os.geteuid() != 0:
        return []
    host = str(conninfo_to_dict(database_url).get("host") or "")
    user = Path(host).stat().st_uid if host.startswith("/") else NOBODY
    return ["setpriv", f"--reuid={user}", f"--regid={NOBODY}", "--clear-groups"]


def _settings(database_url: str, port: int, mode: str, sessions: int) -> str:
    place = conninfo_to_dict(database_url)
    server = " ".join(
        f"{key}='{place[key]}'" for key in ("host", "port", "user", "password") if place.get(key)
    )
    return f"""\
[databases]
* = {server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {sessions}
max_client_conn = 500
"""
