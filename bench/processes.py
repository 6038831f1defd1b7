"""The processes of the bench: how to run a worker, a command, a driver, and how to ask a driver."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sagas.devserver.child import Command, ProcessError
from sagas.devserver.interrupts import Interrupts
from sagas.devserver.supervisor import Supervisor

ROOT: Final = Path(__file__).resolve().parent.parent
PEERS: Final = ROOT / ".local" / "peers" / "bin" / "python"
"""The Python of the peers' own environment, which `make bench` makes."""

ANSWER_SECONDS: Final = 300.0
"""For one answer: more than a driver's own patience for each part of what it does."""

LOOK_SECONDS: Final = 0.5
"""Between two looks whether the workers still live."""


class Failed(Exception):
    """Something could not be measured; says what happened."""


def status_of(work: Callable[[Interrupts], int]) -> int:
    """The exit status of a program: that of its work, 1 if it failed, with the reason, or 130 after
    Ctrl-C, with nothing left running."""
    with Interrupts() as interrupts:
        try:
            return work(interrupts)
        except Failed as reason:
            print(reason, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("Stopped; nothing is kept.", file=sys.stderr)
            return 130


@dataclass(frozen=True)
class Pool:
    """A Celery worker's pool. `threads-8` has eight threads; without a number it is two."""

    kind: str
    size: int = 2

    @classmethod
    def parse(cls, text: str) -> "Pool":
        kind, _, size = text.partition("-")
        if kind not in ("prefork", "threads") or not (size or "2").isdigit():
            raise ValueError(f"{text!r} is no pool: prefork, threads, or with a size: threads-8.")
        return cls(kind, int(size or 2))

    def __str__(self) -> str:
        return f"{self.kind} -c {self.size}"


def manage(env: Mapping[str, str], *arguments: str) -> Command:
    return Command("manage", [sys.executable, "manage.py", *arguments], env)


def worker(
    app: str, env: Mapping[str, str], pool: Pool, name: str = "worker", python: Any = sys.executable
) -> Command:
    """A Celery worker; whether it is ready, the first sequence shows."""
    argv = [str(python), "-m", "celery", "-A", app, "worker", "--loglevel", "WARNING"]
    argv += ["--pool", pool.kind, "--concurrency", str(pool.size), "-n", f"{name}@%h"]
    return Command(name, argv, env)


@dataclass(frozen=True)
class Driving:
    """A driver's module, its environment, and its Python."""

    module: str
    env: Mapping[str, str]
    python: Any = sys.executable

    @property
    def argv(self) -> list[str]:
        return [str(self.python), "-m", self.module]


class Client:
    """A running driver, and what it drives."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        supervisor: Supervisor,
        workers: Sequence[str],
        env: Mapping[str, str],
    ) -> None:
        self.process, self.supervisor, self.workers, self.env = process, supervisor, workers, env

    @property
    def database_url(self) -> str:
        return self.env["DATABASE_URL"]

    @property
    def roots(self) -> list[int]:
        """The driver and the workers, for those who count what they use."""
        return [self.process.pid, *map(self.supervisor.pid_of, self.workers)]

    def ask(self, call: str, within: float = ANSWER_SECONDS, **arguments: Any) -> Any:
        """The driver's answer. Raises `Failed`, if it has none, or a worker has died."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps({"call": call, **arguments}).encode() + b"\n")
            self.process.stdin.flush()
        answer = json.loads(self._line(time.monotonic() + within))
        if "error" in answer:
            raise Failed(f"{call}: {answer['error']}{self._last_words()}")
        return answer["result"]

    def _line(self, deadline: float) -> bytes:
        assert self.process.stdout is not None
        while time.monotonic() < deadline:
            if select.select([self.process.stdout], [], [], LOOK_SECONDS)[0]:
                if line := self.process.stdout.readline():
                    return line
                raise Failed(f"the driver ended{self._last_words('driver')}")
            for name in self.workers:
                if not Path(f"/proc/{self.supervisor.pid_of(name)}").exists():
                    raise Failed(f"{name} ended{self._last_words(name)}")
        raise Failed(f"no answer{self._last_words()}")

    def _last_words(self, *names: str) -> str:
        """The last line of each log that has one."""
        said = []
        for name in names or ("driver", *self.workers):
            lines = self.supervisor.log_of(name).read_text(errors="replace").split("\n")
            said += [line for line in lines if line.strip()][-1:]
        return "".join(f"; {line[:300]}" for line in said)


@contextmanager
def driven(
    logs: Path, interrupts: Interrupts, workers: Sequence[Command], driving: Driving
) -> Iterator[Client]:
    """Workers and their driver; all are gone at the end of the block."""
    names = [each.name for each in workers]
    with Supervisor(logs, ROOT, interrupts=interrupts) as supervisor:
        for name in ("driver", *names):
            supervisor.log_of(name).unlink(missing_ok=True)
        try:
            supervisor.start(*workers)
            with _driver(supervisor, driving) as process:
                yield Client(process, supervisor, names, driving.env)
        except ProcessError as error:
            raise Failed(str(error)) from None


@contextmanager
def _driver(supervisor: Supervisor, driving: Driving) -> Iterator[subprocess.Popen[bytes]]:
    """Not the supervisor's: it has to be spoken to. It ends with its input, however this process
    ends; and between two lines, at once."""
    with (
        supervisor.log_of("driver").open("ab") as log,
        supervisor.interrupts.held_back(),
    ):
        process = subprocess.Popen(
            driving.argv,
            env=dict(driving.env),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
