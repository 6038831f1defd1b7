"""`make house`, `python -m tests.house [--root CHECKOUT] [--list]`: what has to be followed.

| count | of |
|---|---|
| files, moves | what one step of one message runs through, and `engine.start` |
| files, floors | sagas.machine, and its longest chain of imports |
| cycles, upward imports | all packages in pyproject.toml's layers |
| modules, functions, private names | these packages, without migrations and empty files |
"""

import argparse
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sagas.devserver.servers import create_database, drop_database, servers
from tests.house.private_names import private_names
from tests.house.sizes import LONG, LONG_FUNCTION, SHORT, sizes, sources
from tests.pages import ROOT

FOLDER: Final = ROOT / ".local" / "house"
DATABASE: Final = "house"
LIMIT: Final = 300.0
"""Seconds for one program below."""


def run(root: Path, env: Mapping[str, str], *argv: str) -> str:
    """What a Python program of that checkout prints. Raises CalledProcessError."""
    command = [sys.executable, *argv]
    return subprocess.run(
        command, cwd=root, env=env, check=True, stdout=subprocess.PIPE, text=True, timeout=LIMIT
    ).stdout


def crossings(root: Path) -> dict[str, dict[str, int]]:
    """What runs, on a database of its own."""
    with servers(FOLDER, lambda _: None) as found:
        drop_database(found.database_url, DATABASE)
        env = {
            **os.environ,
            "PYTHONPATH": str(root),
            "DATABASE_URL": create_database(found.database_url, DATABASE),
            "REDIS_URL": found.redis_url,
            "CELERY_BROKER_URL": found.broker_url,
            "SECRET_KEY": "of the counts",
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "project.settings",
        }
        run(root, env, "manage.py", "migrate", "--verbosity", "0")
        program = Path(__file__).with_name("running.py")
        counts: dict[str, dict[str, int]] = json.loads(
            run(root, env, "-P", str(program), str(root))
        )
        return counts


def report(root: Path, *, with_lists: bool) -> list[str]:
    """The counts, a line each; each thing that was counted below it if wanted."""
    lines = [
        f"{what}: {counts['files']} files, {counts['moves']} moves, {counts['calls']} calls"
        for what, counts in crossings(root).items()
    ]
    env = {**os.environ, "PYTHONPATH": str(root)}
    program = Path(__file__).with_name("imports.py")
    of_imports = json.loads(run(root, env, "-P", str(program), str(root)))
    lines.append(f"sagas.machine: {of_imports['files']} files, {of_imports['floors']} floors")
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    files = sources(root, settings["tool"]["importlinter"]["root_packages"])
    of_sizes = sizes(root, files)
    listed = {
        "cycles": of_imports["cycles"],
        "upward imports": of_imports["upward"],
        f"modules under {SHORT} lines": of_sizes.short,
        f"modules over {LONG} lines": of_sizes.long,
        f"functions over {LONG_FUNCTION} lines": of_sizes.long_functions,
        "private names of Celery and Kombu": private_names(root, files),
    }
    for what, found in listed.items():
        lines.append(f"{what}: {len(found)} (of {len(files)} files)")
        lines += [f"  {each}" for each in found] if with_lists else []
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="make house")
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout")
    parser.add_argument("--list", action="store_true", help="name what is counted")
    options = parser.parse_args()
    print("\n".join(report(options.root.resolve(), with_lists=options.list)))


if __name__ == "__main__":
    main()
