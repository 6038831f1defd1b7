"""All tests, in three processes at once: those of real processes and servers wait half of the time.

    python -m tests

Each process has servers of its own (tests/servers.py). What the first one prints is seen at once,
what the others have printed once they have ended. Exits with 1 if anything fails in any of them.
"""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import IO, Final

FOLDER: Final = Path(".local", "test")

SYSTEM: Final = ["tests/system"]
"""Whole deployments: web processes, workers, brokers."""

SERVERS: Final = ["tests/deploy", "tests/example_services", "tests/realtime", "tests/services"]
"""One process or server at a time."""

REST: Final = ["tests", *(f"--ignore={folder}" for folder in (*SYSTEM, *SERVERS))]


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        system, servers = (
            _pytest(name, tests, stdout=stack.enter_context(_log(name).open("wb")))
            for name, tests in (("system", SYSTEM), ("servers", SERVERS))
        )
        rest = _pytest("rest", REST)
        try:
            ends = [rest.wait()]
            print(f"Others go on; see {_log('servers')} and {_log('system')}.", flush=True)
            ends += [servers.wait(), system.wait()]
        except KeyboardInterrupt:  # which all of them have got, too
            ends = [each.wait() for each in (rest, servers, system)]
    for name in ("servers", "system"):
        sys.stdout.write(_log(name).read_text(errors="replace"))
    return int(any(ends))


def _log(name: str) -> Path:
    return FOLDER / f"{name}.log"


def _pytest(part: str, tests: list[str], stdout: IO[bytes] | None = None) -> Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-q", "--durations=10", *tests]
    env = {**os.environ, "TESTS_PART": part, "PYTHONUNBUFFERED": "1"}
    stderr = None if stdout is None else subprocess.STDOUT
    return Popen(command, env=env, stdout=stdout, stderr=stderr)


if __name__ == "__main__":
    sys.exit(main())
