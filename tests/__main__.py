"""All tests, in four processes at once: those of real processes and servers wait half of the time.

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

PART: Final = os.environ.get("TESTS_PART", "")
FOLDER: Final = Path(".local", "test", PART)

SYSTEM: Final = [
    sorted(map(str, Path("tests", "system").glob(f"test_[{letters}]*.py")))
    for letters in ("a-g", "h-z")
]
"""Whole deployments: web processes, workers, brokers. Each half takes about as long."""

SERVERS: Final = [
    f"tests/{folder}"
    for folder in ("deploy", "devserver", "example_services", "realtime", "services")
]
"""One process or server at a time."""

REST: Final = ["tests", *(f"--ignore={path}" for path in ("tests/system", *SERVERS))]
"""What needs the processor for most of its time."""

OTHERS: Final = {"servers": SERVERS, "system-1": SYSTEM[0], "system-2": SYSTEM[1]}


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        others = [
            _pytest(name, tests, stdout=stack.enter_context(_log(name).open("wb")))
            for name, tests in OTHERS.items()
        ]
        rest = _pytest("rest", REST)
        try:
            ends = [rest.wait()]
            print(f"Others go on; see {', '.join(str(_log(name)) for name in OTHERS)}.", flush=True)
            ends += [each.wait() for each in others]
        except KeyboardInterrupt:  # which all of them have got, too
            ends = [each.wait() for each in (rest, *others)]
    for name in OTHERS:
        sys.stdout.write(_log(name).read_text(errors="replace"))
    return int(any(ends))


def _log(name: str) -> Path:
    return FOLDER / f"{name}.log"


def _pytest(part: str, tests: list[str], stdout: IO[bytes] | None = None) -> Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-q", "--durations=10", *tests]
    env = {
        **os.environ,
        "TESTS_PART": str(Path(PART, part)),
        "PYTHONUNBUFFERED": "1",
    }
    stderr = None if stdout is None else subprocess.STDOUT
    return Popen(command, env=env, stdout=stdout, stderr=stderr)


if __name__ == "__main__":
    sys.exit(main())
