"""No more jobs at a time than there are machines.

A job takes a machine, runs there, and says when it is done. A pool has three machines, so three
jobs that name it go on at a time; one more waits for its turn, and nobody counts the machines that
are left. A job that fails gives its machine back once what it began is undone.

Reference: Temporal, mutex, "mutex" (samples-go), here with three holders in place of one.
"""

from collections.abc import Mapping
from typing import Any

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Saga, SagaStep, WaitFor


def machines(job: Mapping[str, Any]) -> Mapping[str, int]:
    return {f"pool:{job['pool']}": 3}


def prepare(context: Context) -> Result:
    return do("prepare", context, prepared=True)


def clean_up(context: Context) -> None:
    undo("clean_up", context)


def run_job(context: Context) -> Result:
    return do("run_job", context)


def stop_job(context: Context) -> None:
    undo("stop_job", context)


semaphore = Saga(
    "semaphore",
    [
        SagaStep("prepare", prepare, clean_up),
        SagaStep("run_job", run_job, stop_job),
        WaitFor("done", timeout=3600),
    ],
    limits=machines,
)
