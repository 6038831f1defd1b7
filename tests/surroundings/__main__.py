"""The demo and all tests in the surroundings that other projects have, one after the other.

    python -m tests.surroundings                    # all of it: some hours
    python -m tests.surroundings zone --short       # the demo's rooms apart: a minute or two

Exits with 1 if anything fails in any of them.
"""

import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

from deploy.pgbouncer import NoPgBouncer, pgbouncer, pgbouncer_program
from sagas.devserver.servers import local_postgres

FOLDER: Final = Path(".local", "surroundings").resolve()

SURROUNDINGS: Final = {
    "zone": "USE_TZ = False, TIME_ZONE = America/New_York",
    "users": "users with a UUID for a key, who log in by e-mail",
    "names": "users with a text for a key, who log in by e-mail",
    "pooler": "PgBouncer in transaction mode before PostgreSQL",
    "atomic": "ATOMIC_REQUESTS",
    "plain": "FAST = False: one message, one claim and one report for each step",
}

SHORT: Final = (
    "tests/engine/test_engine.py",
    "tests/engine/test_recovery.py",
    "tests/api/test_start_command.py",
    "tests/system/test_http.py",
)
"""What meets the surroundings in each layer: half a minute."""

SHORT_OF: Final = {"plain": ("tests/worker", "tests/system/test_killed_child.py")}
"""What else meets one of them."""


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="python -m tests.surroundings", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*SURROUNDINGS, []], metavar="NAME")
    parser.add_argument("--short", action="store_true", help="a few tests, and no demo")
    parser.add_argument("--tests", action="append", help="these, and no demo")
    given = parser.parse_args(arguments)
    ends = {}
    for name in given.names or SURROUNDINGS:
        short = (*SHORT, *SHORT_OF.get(name, ()))
        ends[name] = _run(name, given.tests or (short if given.short else ()))
    for name, end in ends.items():
        print(f"{name:<8} {SURROUNDINGS[name]:<50} {end}")
    return int(any(end.startswith("FAILED") for end in ends.values()))


def _run(name: str, tests: Sequence[str]) -> str:
    """These tests, or the demo and all tests."""
    print(f"--- {name}: {SURROUNDINGS[name]}", flush=True)
    began = perf_counter()
    env = {**os.environ, "SURROUNDINGS": name, "TESTS_PART": "surroundings"}
    if name == "plain":
        env["FAST"] = "0"
    try:
        if name == "pooler":
            pgbouncer_program(FOLDER)
        failed = []
        if not tests:
            with _database(name) as of_demo:
                if _fails({**env, **of_demo}, "examples.demo", "--check"):
                    failed.append("demo")
        if _fails(env, *(("pytest", "-q", *tests) if tests else ("tests",))):
            failed.append("tests")
    except NoPgBouncer as error:
        return f"FAILED: {error}" if os.environ.get("CI") == "true" else f"left out: {error}"
    took = f"{perf_counter() - began:.0f} s"
    return f"FAILED: {' and '.join(failed)}, {took}" if failed else f"passed, {took}"


def _fails(env: dict[str, str], *arguments: str) -> bool:
    return bool(subprocess.run([sys.executable, "-m", *arguments], env=env, check=False).returncode)


@contextmanager
def _database(name: str) -> Iterator[dict[str, str]]:
    """Variables of the demo. The tests have servers of their own."""
    settings = {"DEMO_SETTINGS": "tests.surroundings.settings"}
    with local_postgres(FOLDER) as database_url:
        if name != "pooler":
            yield {**settings, "DATABASE_URL": database_url}
            return
        with pgbouncer(database_url, FOLDER) as url:
            yield {**settings, "DATABASE_URL": url, "DATABASE_POOLER": "transaction"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
