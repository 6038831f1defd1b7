"""A supervisor for tests to interrupt: `python -m tests.devserver.runner FOLDER SECONDS`, which are
those that its process has to stop in.

Its one process never becomes ready, has a child of its own, and takes no notice of SIGTERM but to
write the file `asked`; it ends once there is a file `go`. Both write their numbers into FOLDER.
Ends with status 7 if interrupted.
"""

import os
import sys
from pathlib import Path

from sagas.devserver import supervisor as processes
from sagas.devserver.child import Command
from sagas.devserver.interrupts import Interrupts
from sagas.devserver.supervisor import Supervisor

INTERRUPTED = 7
STUBBORN = """
import os, pathlib, signal, subprocess, sys, time
folder = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: (folder / "asked").touch())
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
(folder / "child").write_text(f"{os.getpid()}\\n")
(folder / "grandchild").write_text(f"{child.pid}\\n")
end = time.monotonic() + 60
while time.monotonic() < end and not (folder / "go").exists():
    time.sleep(0.05)
"""


def main() -> int:
    """Start the process, and wait for what never comes."""
    folder = Path(sys.argv[1])
    processes.STOP_SECONDS = float(sys.argv[2])
    command = Command(
        name="stubborn",
        argv=[sys.executable, "-c", STUBBORN, str(folder)],
        env=os.environ,
        ready=lambda _: False,
    )
    try:
        with (
            Interrupts() as interrupts,
            Supervisor(folder, folder, interrupts=interrupts) as supervisor,
        ):
            supervisor.start(command)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
