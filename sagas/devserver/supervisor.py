"""A small supervisor: named child processes, started together, watched, and stopped for certain."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from sagas.devserver.child import Child, Command, ProcessError
from sagas.devserver.interrupts import Interrupts

# How often readiness and deaths are looked at, in seconds: not felt by a person, cheap for a CPU.
POLL_SECONDS = 0.1
# What a process gets between SIGTERM and SIGKILL, in seconds. A Celery worker ends its running
# steps in this time; a participant that hangs must not make Ctrl-C hang.
STOP_SECONDS = 8.0
# The wait for the kernel to reap what was killed, in seconds; more would mean a broken machine.
REAP_SECONDS = 5.0
# A process that dies this often is broken, and starting it once more would only hide that.
MAX_RESTARTS = 10


@dataclass
class Supervisor:
    """Runs commands, each in a session of its own, with a log in the folder `logs`.

    A context manager: its end stops every process, those spawned last first, and a process that the
    supervisor outlives by kill -9 of itself is killed by the watchdog. `say` gets one line for each
    thing that a person should know. Give it the program's `Interrupts`, if there are any.
    """

    logs: Path
    folder: Path
    say: Callable[[str], None] = print
    interrupts: Interrupts = field(default_factory=Interrupts)

    def __post_init__(self) -> None:
        self._children: dict[str, Child] = {}
        self._batches = 0
        self._lock = threading.RLock()
        self._ending = threading.Event()

    def __enter__(self) -> Self:
        """Start the watchdog, and the thread that starts again what dies."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with self.interrupts.held_back():
            self._watchdog = subprocess.Popen(
                # -I and -S: it needs nothing but the standard library, and starts faster.
                [sys.executable, "-I", "-S", str(Path(__file__).with_name("watchdog.py"))],
                stdin=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C in the terminal must not reach it
            )
            self._keeper = threading.Thread(target=self._keep_alive, name="keeper", daemon=True)
            self._keeper.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything. Does nothing the second time."""
        with self.interrupts.held_back():
            with self._lock:  # whoever holds it may be starting a process, which must be seen here
                if self._ending.is_set():
                    return
                self._ending.set()
            self._keeper.join()
            for batch in range(self._batches, 0, -1):
                self.stop(*(name for name, c in self._children.items() if c.batch == batch))
            self._watchdog.communicate(timeout=REAP_SECONDS)

    def start(self, *commands: Command) -> None:
        """`spawn`, then `wait_ready`."""
        self.spawn(*commands)
        self.wait_ready(*(command.name for command in commands))

    def spawn(self, *commands: Command) -> None:
        """Start processes as one batch, without waiting. ProcessError for a name that is taken."""
        with self._lock:
            self._batches += 1
            for command in commands:
                if command.name in self._children:
                    raise ProcessError(
                        f"{command.name} is already running: stop it, or choose another name."
                    )
                self._launch(command, self._batches)

    def wait_ready(self, *names: str) -> None:
        """Wait until each is ready. ProcessError, with its log, for one that ends or takes long."""
        began = time.monotonic()
        children = waiting = [self._children[name] for name in names]
        while waiting := [child for child in waiting if not child.is_ready()]:
            for child in waiting:
                within = child.command.ready_within
                if child.process.poll() is not None:
                    raise child.error(f"ended ({child.how_ended()})")
                if time.monotonic() - began > within:
                    raise child.error(f"was not ready within {within:g} s")
            time.sleep(POLL_SECONDS)
        for child in children:
            child.watched = True

    def run(self, command: Command, within: float = 60.0) -> str:
        """Run a command to its end, and return what it printed. ProcessError if it fails."""
        with self._lock:
            self._batches += 1
            child = self._launch(command, self._batches, stdout=subprocess.PIPE)
        try:
            printed, _ = child.process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            raise child.error(f"did not end within {within:g} s") from None
        if child.process.returncode != 0:
            raise child.error(f"failed ({child.how_ended()})")
        self._forget(child)
        return printed.decode()

    def stop(self, *names: str) -> None:
        """Stop processes at the same time. One that has ended, or is unknown, is no error.

        SIGTERM goes to the process alone, so that it can end its own children in order, as with
        systemd's KillMode=mixed; after STOP_SECONDS, or its end, its whole group is killed.
        """
        with self._lock:
            children = [self._children[name] for name in names if name in self._children]
            for child in children:
                child.watched = False
        for child in children:
            child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, deadline - time.monotonic()))
            self._forget(child)

    def restart(self, name: str) -> None:
        """Start a process again, stopped or not, and wait until it is ready."""
        self.stop(name)
        with self._lock:
            self._launch(self._children[name].command, self._children[name].batch)
        self.wait_ready(name)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to the whole group of a process; returns the number of processes hit."""
        with self._lock:
            return self._children[name].signal_group(number)

    def pid_of(self, name: str) -> int:
        """The present process of a command, which leads a group of the same number."""
        return self._children[name].process.pid

    def log_of(self, name: str) -> Path:
        """The log file of a process."""
        return self.logs / f"{name}.log"

    def _launch(self, command: Command, batch: int, stdout: int | None = None) -> Child:
        if self._ending.is_set():
            raise ProcessError(f"{command.name} was not started: everything is being stopped.")
        path = self.log_of(command.name)
        with self.interrupts.held_back(), path.open("ab") as log:
            log_start = log.tell()  # the child shares the position, and may write at once
            process = subprocess.Popen(
                command.argv,
                env=dict(command.env),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log if stdout is None else stdout,
                stderr=log,
                start_new_session=True,
            )
            self._tell_watchdog(f"+{process.pid}")
            child = Child(command, batch, process, path, log_start)
            self._children[command.name] = child
        return child

    def _forget(self, child: Child) -> None:
        """Kill what is left of a child's group, reap it, and release it from the watchdog."""
        if child.gone:
            return  # its number may belong to a stranger by now
        child.gone = True
        child.signal_group(signal.SIGKILL)
        child.process.wait(REAP_SECONDS)
        self._tell_watchdog(f"-{child.process.pid}")

    def _tell_watchdog(self, line: str) -> None:
        assert self._watchdog.stdin is not None
        # Whoever killed the watchdog took the net away, but the work above it can still be ended.
        with contextlib.suppress(BrokenPipeError):
            self._watchdog.stdin.write(f"{line}\n".encode())
            self._watchdog.stdin.flush()

    def _keep_alive(self) -> None:
        """Look for processes that died by themselves, until the end; runs in its own thread."""
        while not self._ending.wait(POLL_SECONDS):
            with self._lock:
                for child in list(self._children.values()):
                    if child.watched and child.process.poll() is not None:
                        self._on_death(child)

    def _on_death(self, child: Child) -> None:
        """Say that a process died by itself, and start it again if it is one to keep alive."""
        child.watched = False
        self._forget(child)  # pool processes that outlive their parent would only get in the way
        name, how = child.command.name, child.how_ended()
        if not child.command.kept_alive:
            self.say(f"{name} ended by itself ({how}); its log is {child.log}")
        elif child.restarts == MAX_RESTARTS:
            self.say(f"{name} died {MAX_RESTARTS + 1} times, now {how}: given up; see {child.log}")
        else:
            successor = self._launch(child.command, child.batch)
            successor.restarts = child.restarts + 1
            successor.watched = True
            self.say(f"{name} died ({how}): started again")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
