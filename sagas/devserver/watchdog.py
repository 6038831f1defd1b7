"""Kill what a runner started, if the runner dies without doing so itself.

Run as a process of its own: `python watchdog.py`, its standard input a pipe from the runner. A line
`+N` puts process group N under watch, `-N` releases it. The end of the input means that the runner
has ended in whatever way, kill -9 included, because the kernel closes the pipe: then every group
still under watch is killed.

Why not Linux's PR_SET_PDEATHSIG: it is bound to the thread that started the child, it does not
reach grandchildren (the pool processes of a Celery worker), it needs code between fork and exec,
which is unsafe beside threads, and macOS lacks it.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterable


def watch(lines: Iterable[str]) -> None:
    """Follow the lines to their end, then kill the groups that are left."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    watch(sys.stdin)
