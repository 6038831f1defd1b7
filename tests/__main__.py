"""All tests, in two processes at once: those of real processes wait half of the time.

    python -m tests

Each process has servers of its own (tests/servers.py). What the one prints is seen at once, what
the other has printed once that one has ended. Exits with 1 if anything fails in either.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

LOG: Final = Path(".local", "test", "system.log")

SYSTEM: Final = ["tests/system"]
REST: Final = ["tests", "--ignore=tests/system"]


def main() -> int:
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("wb") as log:
        system = _pytest("system", SYSTEM, stdout=log, stderr=subprocess.STDOUT)
        rest = _pytest("rest", REST)
        try:
            ends = [rest.wait()]
            print(f"tests/system goes on; its output so far is in {LOG}.", flush=True)
            ends.append(system.wait())
        except KeyboardInterrupt:  # which both have got, too
            ends = [rest.wait(), system.wait()]
    sys.stdout.write(LOG.read_text(errors="replace"))
    return int(any(ends))


def _pytest(part: str, tests: list[str], **output: object) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pytest", "-q", "--durations=10", *tests]
    env = {**os.environ, "TESTS_PART": part, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, env=env, **output)  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.exit(main())
