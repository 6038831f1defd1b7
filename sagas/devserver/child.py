"""One child process: what to run, whether it is ready, and how it ended."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.request import ProxyHandler, build_opener

import psutil

# As many lines of a log as tell why a process died, and still fit on a screen.
LAST_LINES = 15
# One answer to a readiness probe, in seconds.
PROBE_SECONDS = 2.0
# Proxies of the environment are for the world outside, never for this machine.
_OPENER: Final = build_opener(ProxyHandler({}))


class ProcessError(Exception):
    """A process did not start, did not become ready, or failed."""


@dataclass(frozen=True)
class Command:
    """A process to run.

    `env` is its whole environment. `ready` is a URL that answers 200 once it is ready, or a
    function of what it has logged since it was started; None means that it is ready at once.
    `ready_within` is in seconds. One that is `kept_alive` is started again when it dies by itself.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: str | Callable[[str], bool] | None = None
    ready_within: float = 60.0
    kept_alive: bool = False


@dataclass
class Child:
    """A command and its present process.

    `batch` numbers what was spawned together; `watched` says that its death would be a surprise,
    `gone` that nothing is left of its group.
    """

    command: Command
    batch: int
    process: subprocess.Popen[bytes]
    log: Path
    log_start: int
    watched: bool = False
    gone: bool = False
    restarts: int = 0

    def logged(self) -> str:
        """What the present process has written."""
        return self.log.read_bytes()[self.log_start :].decode(errors="replace")

    def is_ready(self) -> bool:
        """Ask once whether it is ready."""
        ready = self.command.ready
        if ready is None:
            return True
        if callable(ready):
            return ready(self.logged())
        try:
            with _OPENER.open(ready, timeout=PROBE_SECONDS) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except (OSError, HTTPException):
            return False

    def how_ended(self) -> str:
        """The end of its process in words, `SIGKILL` or `status 1`; it must have ended."""
        code: int = self.process.returncode
        return signal.Signals(-code).name if code < 0 else f"status {code}"

    def error(self, what: str) -> ProcessError:
        """The error that says what happened to it, and what it last said about that."""
        lines = self.logged().splitlines()[-LAST_LINES:] or ["(nothing)"]
        about = f"{self.command.name} {what}. The end of its log, {self.log}:"
        return ProcessError("\n  ".join([about, *lines]))

    def signal_group(self, number: signal.Signals) -> int:
        """Send a signal to its whole group; returns how many processes that had."""
        group = self.process.pid
        size = group_size(group)
        # macOS refuses where only a dead process that nobody has reaped is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
        return size


def group_size(group: int) -> int:
    """How many processes a group has now."""
    size = 0
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            size += os.getpgid(pid) == group
    return size
