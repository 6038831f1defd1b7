"""The environment that the processes of a project get, and the folder that its servers keep."""

import fcntl
import os
import secrets
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

FILE: Final = "environment"
"""In the folder: what a shell sources to reach the servers."""


class DevelopmentError(Exception):
    """What keeps `saga dev` from its work, and what to do about it."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the folder for this process, and makes it if it is missing.

    Raises `DevelopmentError`, with the process that holds it, if another one does. The kernel ends
    the lock with the process, however that ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise DevelopmentError(
                f"{folder} is in use by {lock.read().strip() or 'another process'}. End that one "
                f"(Ctrl-C), or name another folder with --folder."
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}: {shlex.join(sys.argv)}\n")
        lock.flush()
        yield


def environment(folder: Path, database_url: str, redis_url: str) -> dict[str, str]:
    """Name → value of what a project's settings read. A SECRET_KEY that is set stays."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CELERY_BROKER_URL": redis_url,
        "SECRET_KEY": os.environ.get("SECRET_KEY") or _secret(folder / "secret-key"),
    }


def export_lines(values: Mapping[str, str]) -> str:
    """The environment as a shell reads it."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def write_privately(path: Path, text: str) -> None:
    """Writes a file that nobody else can read: the whole of it, or nothing."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.rename(path)


def _secret(path: Path) -> str:
    """A random secret of this folder, made when it is first asked for."""
    if not path.exists():
        write_privately(path, secrets.token_urlsafe(48))
    return path.read_text()
