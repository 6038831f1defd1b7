"""A project of somebody else's, in an environment of its own, and what a page adds to it."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.pages import ROOT, Block, chapters

PAGE: Final = ROOT / "docs" / "adoption.md"
BEFORE: Final = Path(__file__).with_name("before.md")

NAME: Final = "sagas-for-django"
PIP_SECONDS: Final = 1800
"""For one installation, on a slow line."""

COMMAND_SECONDS: Final = 600
"""For one command of Django's: seconds on an idle machine, and CI machines are not idle."""


def build(folder: Path) -> Path:
    """The wheel of the library, built from its source distribution as `make dist` builds it."""
    shutil.rmtree(folder, ignore_errors=True)
    argv = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    _run(argv, folder.parent, seconds=PIP_SECONDS)
    [wheel] = folder.glob("*.whl")
    return wheel


def blocks(page: Path, titles: Iterable[str] = ()) -> list[Block]:
    """Those of the chapters with these titles, or of all."""
    wanted = tuple(titles)
    found = {chapter.title: chapter.blocks for chapter in chapters(page)}
    return [block for title in wanted or found for block in found[title]]


@dataclass(frozen=True)
class Environment:
    """A fresh virtual environment, and the wheel that it is for."""

    folder: Path
    wheel: Path

    @classmethod
    def make(cls, folder: Path, wheel: Path) -> "Environment":
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)], ROOT)
        return cls(folder, wheel)

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def install(self, page: Iterable[Block]) -> None:
        """Runs the `pip install` of the blocks, with the wheel in the place of the library."""
        for block in page:
            for line in block.text.splitlines():
                if block.language == "sh" and line.startswith("pip install "):
                    _, _, *wanted = shlex.split(line.replace(NAME, str(self.wheel)))
                    pip = [self.python, "-m", "pip", "install", "--quiet", *wanted]
                    _run(pip, self.folder, seconds=PIP_SECONDS)

    def packages(self) -> set[str]:
        """The names of what is installed, as pip lists them."""
        listed = _run([self.python, "-m", "pip", "list", "--format=freeze"], self.folder)
        return {line.partition("==")[0].lower().replace("_", "-") for line in listed.split()}


@dataclass(frozen=True)
class Project:
    """What startproject made, and what blocks have added to it."""

    environment: Environment
    folder: Path
    env: dict[str, str]

    @classmethod
    def start(cls, environment: Environment, folder: Path, env: dict[str, str]) -> "Project":
        """`env` is all of its processes' environment, besides that of this one."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        admin = str(environment.folder / "bin" / "django-admin")
        _run([admin, "startproject", "shop", str(folder)], folder)
        own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return cls(environment, folder, own | env)

    def add(self, page: Iterable[Block]) -> list[str]:
        """Writes each block of Python at the end of the file that it names, which may be new.
        Returns the lines of code that the files of the project itself got by it."""
        lines: list[str] = []
        for block in page:
            if block.language != "python":
                continue
            path = self.folder / block.file
            path.parent.mkdir(exist_ok=True)
            with path.open("a") as file:
                file.write(f"\n{block.text}")
            if path.parent.name == "shop":
                code = [line for line in block.text.splitlines()[1:] if line.strip()]
                lines += [f"{block.file}: {line}" for line in code]
        return lines

    def manage(self, *arguments: str) -> str:
        """What a command of Django's prints. Raises `AssertionError` with its errors."""
        return _run(self.argv("manage.py", *arguments), self.folder, self.env)

    def refused(self, *arguments: str) -> str:
        """What one says that has to fail."""
        argv = self.argv("manage.py", *arguments)
        done = subprocess.run(
            argv, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode, done.stdout
        return done.stderr

    def argv(self, *arguments: str) -> list[str]:
        """A command of its Python."""
        return [self.environment.python, *arguments]


def _run(
    argv: Sequence[str],
    cwd: Path,
    env: dict[str, str] | None = None,
    seconds: int = COMMAND_SECONDS,
) -> str:
    done = subprocess.run(
        argv, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=seconds
    )
    assert done.returncode == 0, f"{shlex.join(argv)}\n{done.stdout}{done.stderr}"
    return done.stdout
