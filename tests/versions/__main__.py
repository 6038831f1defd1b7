"""A few tests with the oldest and the newest versions that hold, and one that is refused.

Each gets an environment of its own below .local/versions, which is kept. What can't be had on this
machine is left out, with the reason. Exits with 1 if anything fails.
"""

import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.debian_postgres import NoPostgreSQL, debian_postgres
from sagas.devserver.servers import local_postgres

FOLDER: Final = Path(".local", "versions").resolve()
PYENV: Final = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")

TOOLS: Final = ("pytest", "pytest-django", "pytest-timeout", "hypothesis", "jsonschema")

TESTS: Final = (
    "tests/machine",
    "tests/engine/test_engine.py",
    "tests/engine/test_statements.py",
    "tests/engine/test_checks.py",
    "tests/api/test_access.py",
    "tests/api/test_admin.py",
    "tests/worker/test_checks.py",
    "tests/system/test_http.py",
)
"""Each layer, and real workers: a minute or two."""

PIP_SECONDS: Final = 1800


@dataclass(frozen=True, slots=True)
class Versions:
    python: str
    packages: tuple[str, ...] = ()
    """Beside what requirements/local.in says."""
    debian_postgres: bool = False
    is_refused: bool = False
    """`manage.py check` says what is wrong, and nothing more is tried."""


ALL: Final = {
    "oldest": Versions("3.11", ("django==5.2.*", "celery==5.5.*", "kombu==5.5.*"), True),
    "python-3.12": Versions("3.12"),
    "newest": Versions("3.13", ("django==6.*",)),
    "celery-5.4": Versions("3.11", ("celery==5.4.*", "kombu==5.4.*"), is_refused=True),
}


class LeftOut(Exception):
    """It is not to be had here; says why."""


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="python -m tests.versions", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*ALL, []], metavar="NAME")
    parser.add_argument("--list", action="store_true", help="what there is, and no more")
    given = parser.parse_args(arguments)
    if given.list:
        print("\n".join(f"{name}: {versions}" for name, versions in ALL.items()))
        return 0
    ends = {}
    for name in given.names or ALL:
        print(f"--- {name}", flush=True)
        try:
            ends[name] = _run(name, ALL[name])
        except (LeftOut, NoPostgreSQL) as error:
            ends[name] = f"left out: {error}"
    for name, end in ends.items():
        print(f"{name:<12} {end}")
    return int(any(end.startswith("FAILED") for end in ends.values()))


def _run(name: str, versions: Versions) -> str:
    python = _environment(name, versions)
    what = _said(python, "-c", SHOW)
    with _server(versions) as env:
        if versions.is_refused:
            done = _call(python, "manage.py", "check", env={**env, **UNUSED})
            is_told = done.returncode == 1 and "sagas.E029" in done.stderr
            return f"{what}: refused" if is_told else f"FAILED, {what}: {done.stderr[-2000:]}"
        tests = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
        failed = subprocess.run(tests, env=env, check=False).returncode
        return f"FAILED, {what}" if failed else f"passed, {what}"


SHOW: Final = (
    "import sys, django, celery, kombu, psycopg; print('Python', sys.version.split()[0], "
    "*(f'{each.__name__} {each.__version__}' for each in (django, celery, kombu, psycopg)))"
)
"""Prints the versions."""

UNUSED: Final = {
    "SECRET_KEY": "none",
    "DATABASE_URL": "postgresql://none/none",
    "REDIS_URL": "redis://none",
}


@contextmanager
def _server(versions: Versions) -> Iterator[dict[str, str]]:
    env = {**os.environ, "PYTHONWARNINGS": "default"}
    server = debian_postgres if versions.debian_postgres else local_postgres
    with server(FOLDER) as url:
        yield {**env, "DATABASE_URL": url}


def _environment(name: str, versions: Versions) -> Path:
    """The Python of an environment with these versions, made at the first call."""
    folder = FOLDER / name
    python = folder / "bin" / "python"
    wanted = " ".join([versions.python, *versions.packages, *TOOLS])
    stamp = folder / "made-of"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    _must([str(_python(versions.python)), "-m", "venv", str(folder)])
    install = [str(python), "-m", "pip", "install", "--quiet"]
    if not versions.is_refused:
        _must([*install, "-r", "requirements/local.in", *TOOLS, *versions.packages])
    else:  # by pip as well
        _must([*install, "-r", "requirements/local.in", *TOOLS])
        _must([*install, "--no-deps", *versions.packages])
    stamp.write_text(wanted)
    return python


def _python(version: str) -> Path:
    found = shutil.which(f"python{version}")
    if found and _works(found):
        return Path(found)
    for path in sorted(PYENV.glob(f"{version}*/bin/python"), reverse=True):
        if _works(str(path)):
            return path
    raise LeftOut(f"there is no python{version} on the PATH, and none below {PYENV}")


def _works(python: str) -> bool:
    return subprocess.run([python, "-V"], capture_output=True, check=False).returncode == 0


def _must(argv: list[str]) -> None:
    try:
        subprocess.run(argv, check=True, capture_output=True, text=True, timeout=PIP_SECONDS)
    except subprocess.TimeoutExpired:
        raise LeftOut(f"`{argv[2]} {argv[3]}` took over {PIP_SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()
        raise LeftOut(said[-1] if said else f"`{' '.join(argv)}` failed") from None


def _call(python: Path, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    argv = [str(python), *arguments]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)


def _said(python: Path, *arguments: str) -> str:
    return _call(python, *arguments, env=dict(os.environ)).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
