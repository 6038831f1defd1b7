"""The web process and the worker of a project, begun anew whenever its code changes."""

import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from watchfiles import PythonFilter, watch

from sagas.devserver.child import Command, ProcessError
from sagas.devserver.supervisor import Supervisor

READY_SECONDS: Final = 300.0
"""For a process to begin: seconds, on a machine that is free."""

LOOK_MS: Final = 250
"""Milliseconds between two looks at the logs: what a person takes for at once."""


def worker_command(app: str, concurrency: int, env: Mapping[str, str]) -> Command:
    """A Celery worker; `app` is what `celery -A` takes."""
    options = ["-E", "--loglevel", "INFO", "--concurrency", str(concurrency)]
    argv = [sys.executable, "-m", "celery", "-A", app, "worker", *options]
    return Command("worker", argv, env, lambda logged: " ready." in logged, READY_SECONDS)


def web_command(asgi: str, port: int, env: Mapping[str, str]) -> Command:
    """Uvicorn with the ASGI application; Django's own server where that is empty."""
    if asgi:
        module, _, name = asgi.rpartition(".")
        # An open stream would keep the old code for as long as its reader stays.
        options = ["--host", "127.0.0.1", "--timeout-graceful-shutdown", "1"]
        argv = ["uvicorn", f"{module}:{name}", "--port", str(port), *options]
    else:
        argv = ["django", "runserver", "--noreload", f"127.0.0.1:{port}"]
    argv = [sys.executable, "-m", *argv]
    return Command("web", argv, env, lambda _: is_taken(port), READY_SECONDS)


def is_taken(port: int) -> bool:
    """Whether somebody listens on this port of the loopback interface."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Log:
    """A process's log file, and how much of it was shown."""

    name: str
    path: Path
    shown: int = field(init=False)

    def __post_init__(self) -> None:
        self.shown = self.path.stat().st_size if self.path.exists() else 0

    def new_lines(self) -> list[str]:
        """The complete lines that were written since the last call, each with the name."""
        with self.path.open("rb") as file:
            file.seek(self.shown)
            complete, newline, _ = file.read().rpartition(b"\n")
        self.shown += len(complete) + len(newline)
        return [f"{self.name:7}| {line}" for line in complete.decode(errors="replace").splitlines()]


def run_reloading(
    supervisor: Supervisor, wanted: list[Command], say: Callable[[str], None], ignored: Path
) -> None:
    """Runs the commands until KeyboardInterrupt, and shows what they log. When a Python file below
    the supervisor's folder changes, all are stopped and begun anew.

    One that fails is told of, and begins with the next change. Raises `ProcessError` if one fails
    the first time.
    """
    logs = [Log(command.name, supervisor.log_of(command.name)) for command in wanted]
    supervisor.start(*wanted)
    found = watch(
        supervisor.folder,
        watch_filter=PythonFilter(ignore_paths=[ignored]),
        rust_timeout=LOOK_MS,
        yield_on_timeout=True,
    )
    for changes in found:
        if changes:
            names = sorted({Path(path).name for _, path in changes})
            say(f"{', '.join(names[:3])} changed: restarting")
            _restart(supervisor, wanted, say)
        for log in logs:
            for line in log.new_lines():
                say(line)


def _restart(supervisor: Supervisor, wanted: list[Command], say: Callable[[str], None]) -> None:
    supervisor.stop(*(command.name for command in wanted))
    for command in wanted:
        try:
            supervisor.restart(command.name)
        except ProcessError as error:
            say(f"{command.name} did not start; waiting for the next change: {error}")
