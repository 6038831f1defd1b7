"""The supervisor, with real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest

from sagas.devserver import supervisor as processes
from sagas.devserver.child import Command, ProcessError
from sagas.devserver.supervisor import Supervisor
from tests.devserver.runner import INTERRUPTED
from tests.waiting import LIMIT_SECONDS, is_alive, number_in, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
FOREVER = "print('up', flush=True)\nimport time\ntime.sleep(60)"


@pytest.fixture
def said() -> Queue[str]:
    """What the supervisor says."""
    return Queue()


@pytest.fixture
def supervisor(tmp_path: Path, said: Queue[str]) -> Iterator[Supervisor]:
    """A supervisor of no processes yet."""
    with Supervisor(tmp_path, tmp_path, say=said.put) as running:
        yield running


def python(
    name: str, code: str, ready: Callable[[str], bool] | None = None, **options: bool | float
) -> Command:
    """A command that runs `code`."""
    argv = [sys.executable, "-c", code]
    return Command(name, argv, os.environ, ready, **options)  # type: ignore[arg-type]  # by name


def test_a_process_that_ends_at_once_is_an_error_with_the_end_of_its_log(
    supervisor: Supervisor,
) -> None:
    command = python("web", "print('port 1 is taken'); raise SystemExit(3)", lambda _: False)
    with pytest.raises(ProcessError, match=r"(?s)web ended \(status 3\).*port 1 is taken"):
        supervisor.start(command)


def test_a_process_that_is_not_ready_in_time_is_an_error(supervisor: Supervisor) -> None:
    command = python("web", FOREVER, lambda _: False, ready_within=0.2)
    with pytest.raises(ProcessError, match=r"web was not ready within 0\.2 s"):
        supervisor.start(command)


def test_readiness_is_seen_in_the_log_or_asked_by_http(supervisor: Supervisor) -> None:
    port = processes.free_port()
    server = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    supervisor.start(
        python("log", FOREVER, lambda logged: "up" in logged),
        Command("http", server, os.environ, ready=f"http://127.0.0.1:{port}/"),
    )
    assert is_alive(supervisor.pid_of("log"))
    assert is_alive(supervisor.pid_of("http"))


def test_stop_leaves_neither_the_process_nor_its_children(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    code = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "pathlib.Path('child').write_text(f'{child.pid}\\n')\n" + FOREVER
    )
    supervisor.start(python("parent", code))
    parent, child = supervisor.pid_of("parent"), number_in(tmp_path / "child")
    supervisor.stop("parent")
    assert not is_alive(parent)
    wait_until(lambda: not is_alive(child))
    supervisor.stop("parent", "never started")  # no error


def test_a_process_that_ignores_sigterm_is_killed(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.2)
    code = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOREVER
    supervisor.start(python("deaf", code, lambda logged: "up" in logged))
    pid = supervisor.pid_of("deaf")
    supervisor.stop("deaf")
    assert not is_alive(pid)


def test_a_dead_worker_is_started_again_and_a_stopped_one_is_not(
    supervisor: Supervisor, said: Queue[str]
) -> None:
    supervisor.start(python("worker", FOREVER, kept_alive=True))
    first = supervisor.pid_of("worker")
    assert supervisor.kill("worker") == 1
    assert said.get(timeout=LIMIT_SECONDS) == "worker died (SIGKILL): started again"
    second = supervisor.pid_of("worker")
    assert second != first
    supervisor.stop("worker")
    assert not is_alive(second)
    supervisor.restart("worker")
    assert is_alive(supervisor.pid_of("worker"))
    assert said.empty()


def test_a_worker_that_keeps_dying_is_given_up(
    supervisor: Supervisor, said: Queue[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "MAX_RESTARTS", 1)
    supervisor.start(python("worker", "print(1)", kept_alive=True))
    assert said.get(timeout=LIMIT_SECONDS) == "worker died (status 0): started again"
    assert said.get(timeout=LIMIT_SECONDS).startswith("worker died 2 times, now status 0: given up")


def test_the_end_of_any_other_process_is_told(supervisor: Supervisor, said: Queue[str]) -> None:
    supervisor.start(python("web", FOREVER))
    supervisor.kill("web", signal.SIGTERM)
    assert said.get(timeout=LIMIT_SECONDS).startswith("web ended by itself (SIGTERM)")


def test_run_returns_what_a_command_prints(supervisor: Supervisor) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    assert supervisor.run(python("token", code)) == "out\n"
    assert supervisor.log_of("token").read_text() == "err\n"
    with pytest.raises(ProcessError, match=r"migrate failed \(status 1\)"):
        supervisor.run(python("migrate", "raise SystemExit('no database')"))
    with pytest.raises(ProcessError, match="did not end within"):
        supervisor.run(python("slow", FOREVER), within=0.2)


def test_nothing_is_started_after_the_end(supervisor: Supervisor) -> None:
    supervisor.start(python("web", FOREVER))
    pid = supervisor.pid_of("web")
    supervisor.__exit__(None, None, None)
    assert not is_alive(pid)
    with pytest.raises(ProcessError, match="everything is being stopped"):
        supervisor.restart("web")


@pytest.mark.parametrize("interrupts", [1, 2], ids=["once", "again during the stop"])
def test_ctrl_c_in_mid_start_leaves_no_process(tmp_path: Path, interrupts: int) -> None:
    runner = start_runner(tmp_path, stop_seconds=1.0 if interrupts == 1 else LIMIT_SECONDS)
    child, grandchild = number_in(tmp_path / "child"), number_in(tmp_path / "grandchild")
    runner.send_signal(signal.SIGINT)
    if interrupts == 2:
        wait_until((tmp_path / "asked").exists)
        runner.send_signal(signal.SIGINT)
        (tmp_path / "go").touch()  # not before: the stop must still be under way
    assert runner.wait(LIMIT_SECONDS) == INTERRUPTED
    assert not is_alive(child)
    wait_until(lambda: not is_alive(grandchild))


def test_kill_9_of_the_runner_leaves_no_process(tmp_path: Path) -> None:
    runner = start_runner(tmp_path)
    child, grandchild = number_in(tmp_path / "child"), number_in(tmp_path / "grandchild")
    runner.kill()
    runner.wait(LIMIT_SECONDS)
    wait_until(lambda: not is_alive(child))
    wait_until(lambda: not is_alive(grandchild))
    assert not is_alive(runner.pid)


def start_runner(folder: Path, stop_seconds: float = 1.0) -> subprocess.Popen[bytes]:
    """The program in `tests.devserver.runner`."""
    arguments = [sys.executable, "-m", "tests.devserver.runner", str(folder), f"{stop_seconds}"]
    return subprocess.Popen(arguments, cwd=REPOSITORY)
