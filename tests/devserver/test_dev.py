"""`manage.py saga dev` as a developer uses it: real servers, a real worker, Ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from sagas.devserver import environment
from sagas.devserver.command import main
from sagas.devserver.environment import DevelopmentError, export_lines
from sagas.devserver.supervisor import free_port
from tests.pages import ROOT, chapters
from tests.waiting import is_alive

MANAGE = [sys.executable, str(ROOT / "manage.py")]
pytestmark = pytest.mark.timeout(1800)
LIMIT = 600
"""Seconds for any process here to get anywhere, on a machine that has other work to do."""
OUTSIDE = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SECRET_KEY", "CONSUL_HTTP_ADDR")
SETTINGS = """
from project.settings import *
INSTALLED_APPS = [*INSTALLED_APPS, "shop"]
"""
SHOW = """
from sagas.models import SagaExecution
print("context", sorted(SagaExecution.objects.get(saga_id="{}").context))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The tutorial's app with the files of its first chapter, and settings that name it."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop_settings.py").write_text(SETTINGS)
    scene, first, *_ = chapters(ROOT / "docs" / "tutorial.md")
    for block in (*scene.blocks, *first.blocks):
        if block.file:
            (tmp_path / block.file).write_text(block.text)
    return tmp_path


def outside(**more: str) -> dict[str, str]:
    """The environment of a developer who has set nothing."""
    return {name: value for name, value in os.environ.items() if name not in OUTSIDE} | more


@contextmanager
def started(*options: object, cwd: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    """The command, ended by Ctrl-C; fails if that leaves anything."""
    process = subprocess.Popen(
        [*MANAGE, "saga", "dev", *map(str, options)],
        cwd=cwd, env=outside(**env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=LIMIT)
        assert process.returncode == 0, said
        assert "Traceback" not in said
        assert said.endswith("Ended.\n")
        assert not [child for child in below if is_alive(child.pid)]
    finally:
        process.kill()
        process.communicate()


def exports(process: subprocess.Popen[str]) -> dict[str, str]:
    """The environment that it prints, once the servers are ready."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(4)]
    assert all(line.startswith("export ") for line in lines), process.communicate()
    pairs = (line.removeprefix("export ").strip().split("=", 1) for line in lines)
    return dict(pairs)


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    """Reads what it says up to that."""
    assert process.stderr is not None
    said = []
    while text not in (line := process.stderr.readline()):
        said.append(line)
        assert line, "".join(said)


def postmasters(folder: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres"
        and any(str(folder) in part for part in process.info["cmdline"] or [])
    ]


def test_servers_alone_are_held_by_one_and_start_again_at_once(folder: Path) -> None:
    with started("--folder", folder, cwd=ROOT) as first:
        values = exports(first)
        manage = [*MANAGE, "saga", "start", "nothing", "--context", "{}"]
        asked = subprocess.run(
            manage, env=outside(**values), capture_output=True, text=True, timeout=LIMIT
        )
        assert "unknown saga" in asked.stderr, "it is migrated, and can be reached"
        second = subprocess.run(
            [*MANAGE, "saga", "dev", "--folder", folder],
            cwd=ROOT, env=outside(), capture_output=True, text=True, timeout=LIMIT,
        )  # fmt: skip
        assert second.returncode == 1
        assert f"in use by process {first.pid}: " in second.stderr
        assert second.stderr.count("\n") == 1
    assert not postmasters(folder)
    with started("--folder", folder, cwd=ROOT) as again:
        assert exports(again)["SECRET_KEY"] == values["SECRET_KEY"]
    assert not postmasters(folder)


def test_the_tutorial_needs_nothing_else(folder: Path, project: Path) -> None:
    env = {"DJANGO_SETTINGS_MODULE": "shop_settings", "PYTHONPATH": str(project)}
    options = ("--run", "--folder", folder, "--port", free_port())
    with started(*options, cwd=project, **env) as process:
        values = exports(process)

        def manage(*arguments: str) -> str:
            return subprocess.run(
                [*MANAGE, *arguments],
                cwd=project, env=outside(**env, **values), check=True, text=True,
                stdout=subprocess.PIPE, timeout=LIMIT,
            ).stdout  # fmt: skip

        lamp = '{"sku": "lamp", "quantity": 1, "card": "visa", "cents": 4900}'
        wait_for(process, "web    |")
        manage("saga", "start", "order", "--context", lamp, "--saga-id", "order-101")
        assert "saga.completed" in manage("saga", "watch", "order-101", "--timeout", str(LIMIT))
        assert "'reservation'" in manage("shell", "-c", SHOW.format("order-101"))

        steps = project / "shop" / "steps.py"
        steps.write_text(steps.read_text().replace("return stock", "return {'new': 1} | stock"))
        wait_for(process, "steps.py changed")
        wait_for(process, "web    | INFO:     Started server")
        manage("saga", "start", "order", "--context", lamp, "--saga-id", "order-102")
        manage("saga", "watch", "order-102", "--timeout", str(LIMIT))
        assert "'new'" in manage("shell", "-c", SHOW.format("order-102"))
    assert not postmasters(folder)


def test_code_that_can_not_be_loaded_is_told(folder: Path, project: Path) -> None:
    (project / "shop" / "sagas.py").write_text("order = \n")
    env = {"DJANGO_SETTINGS_MODULE": "shop_settings", "PYTHONPATH": str(project)}
    found = subprocess.run(
        [*MANAGE, "saga", "dev", "--folder", folder],
        cwd=project, env=outside(**env), capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert found.returncode == 1
    assert "SyntaxError" in found.stderr
    assert not postmasters(folder)


def test_settings_that_read_no_database_url_are_told(folder: Path, project: Path) -> None:
    with (project / "shop_settings.py").open("a") as settings:
        settings.write("DATABASES = {'default': {**DATABASES['default'], 'NAME': 'another'}}\n")
    env = {"DJANGO_SETTINGS_MODULE": "shop_settings", "PYTHONPATH": str(project)}
    found = subprocess.run(
        [*MANAGE, "saga", "dev", "--folder", folder],
        cwd=project, env=outside(**env), capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert found.returncode == 1
    assert "don't take their database from DATABASE_URL" in found.stderr


@pytest.mark.parametrize(
    "wrong", [["--port", "0"], ["--port", "70000"], ["--concurrency", "x"], ["--explode"]]
)
def test_wrong_input_is_told(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_a_shell_reads_what_is_printed(tmp_path: Path) -> None:
    values = {"A": "it's $HOME; `id`", "B": "x"}
    environment.write_privately(tmp_path / "env", export_lines(values))
    assert (tmp_path / "env").stat().st_mode & 0o077 == 0
    said = subprocess.run(
        ["sh", "-c", '. ./env && printf %s "$A$B"'], cwd=tmp_path, capture_output=True, text=True
    )
    assert said.stdout == "it's $HOME; `id`x"


def test_a_folder_is_free_again_when_its_holder_is_gone(tmp_path: Path) -> None:
    with (
        environment.alone(tmp_path),
        pytest.raises(DevelopmentError, match=rf"process {os.getpid()}: "),
        environment.alone(tmp_path),
    ):
        pass
    with environment.alone(tmp_path):
        assert (tmp_path / ".gitignore").read_text() == "*\n"
