"""A saga that does what its input says: `{"script": {"b:1": "kill", "c": "reject"}}` means that
the first attempt of step b kills its process, and every attempt of step c is refused.

Every call is one line of a journal: the step, the direction, the attempt and the process.
"""

import hashlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery.signals import worker_init

from sagas import (
    ForEach,
    Parallel,
    Rejected,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    Unreachable,
    WaitFor,
)
from sagas.worker.fast import latency
from tests.system.probe import (
    async_moves,
    counting,  # noqa: F401  (its task is known from here on)
    published,  # noqa: F401  (counts from here on)
)
from tests.worker.raising import raise_it

RAISE = "raise "
"""How a move begins that raises one of `tests.worker.raising`."""

FOLDER = Path(os.environ.get("PROBE_FOLDER", "."))


def wait_at_gate(context: Any) -> None:
    """Until a file is there: the gate of this step."""
    _, step, _ = context["idempotency_key"].split(":")
    for _ in range(30_000):
        if (FOLDER / f"{context['saga_id']}.{step}.open").exists():
            return
        time.sleep(0.01)
    raise TimeoutError("nobody opened the gate")


def kill_process(context: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang(context: Any) -> None:
    time.sleep(60)


def hang_on(context: Any) -> None:
    """Whatever asks it to end, but SIGKILL."""
    while True:
        try:
            time.sleep(60)
        except BaseException:
            continue


def compute(context: Any) -> None:
    """For minutes, in C: no Python runs, and no signal is handled."""
    hashlib.pbkdf2_hmac("sha256", b"x", b"y", 10**9)


def reject(context: Any) -> None:
    raise Rejected("as the script says")


def be_unreachable(context: Any) -> None:
    raise Unreachable("as the script says")


MOVES: dict[str, Callable[[Any], Any]] = {
    "ok": lambda context: None,
    "nan": lambda context: {"broken": float("nan")},
    "kill": kill_process,
    "hang": hang,
    "hang on": hang_on,
    "compute": compute,
    "wait": wait_at_gate,
    "reject": reject,
    "unreachable": be_unreachable,
}


def play(context: Any) -> Any:
    _, step, direction = context["idempotency_key"].split(":")
    name = step if direction == "action" else f"undo_{step}"
    words = (step, direction, str(context["attempt"]), str(os.getpid()))
    with (FOLDER / f"{context['saga_id']}.journal").open("a") as lines:
        lines.write(" ".join(words) + "\n")
    script = context["script"]
    move = script.get(f"{name}:{context['attempt']}") or script.get(name, "ok")
    if move.startswith(RAISE):
        raise_it(move.removeprefix(RAISE))
    return MOVES[move](context) or {name: context["attempt"]}


def step(name: str, timeout: float = 1) -> SagaStep:
    return SagaStep(name, play, play, retry=Retry(max_attempts=2, backoff=0.1), timeout=timeout)


probe = Saga("probe", [step("a"), step("b"), step("c")])

twice = Retry(max_attempts=2, backoff=0.1)


def async_step(name: str, **options: Any) -> SagaStep:
    play = async_moves.play
    return SagaStep(name, play, play, retry=twice, timeout=1, **options)


async_probe = Saga("async_probe", [async_step("a"), async_step("b"), async_step("c")])
async_asked = Saga("async_asked", [async_step("a", probe=async_moves.ask), async_step("b")])
async_items = Saga(
    "async_items",
    [ForEach("all", over="items", action=async_moves.play, given=["script"], retry=twice)],
)

# Time enough for a test to look at a step while it runs.
slow = Saga("slow", [step("a", timeout=300), step("b", timeout=300)])

# Time enough to kill a worker in the middle, and a lease that a test can wait for.
held = Saga("held", [step("a", timeout=3), step("b", timeout=3)])

wide = Saga("wide", [step("a"), Parallel([step("b"), step("c")], step("d")), step("e")])

# Two versions side by side. A process whose PROBE_LACKS names the newer one runs older code.
kept_1 = Saga("kept", [step("a", timeout=300), step("b", timeout=3)])
if os.environ.get("PROBE_LACKS") != "kept:2":
    kept_2 = Saga("kept", [step("a", timeout=300), step("c")], version=2)

# Each kind of step. The items' scripts are under their number: `{"each:1": "kill"}` is for all.
every_kind = Saga(
    "every_kind",
    [
        step("first"),
        ForEach(
            "items_done",
            over="items",
            action=play,
            compensation=play,
            given=["script"],
            max_concurrency=4,
            retry=Retry(max_attempts=2, backoff=0.1),
            timeout=1,
        ),
        Parallel(WaitFor("approval", timeout=60), SubSaga("probe", input=["script"])),
        Sleep("rest", 0.2),
        step("last"),
    ],
    locks=lambda context: [f"customer:{context.get('customer', context['script'])}"],
)


def take(context: Any) -> None:
    time.sleep(context["seconds"])


# One of thousands, each as short as its input says.
heap = Saga("heap", [SagaStep("only", take, retry=Retry(backoff=0.1))])


def live_or_die(context: Any) -> None:
    """Tells that it was called, and kills its process if it is one that does."""
    line = f"{context['saga_id']} {context['idempotency_key']} {context['attempt']}\n"
    with (FOLDER / "mortal.journal").open("a") as lines:
        lines.write(line)
    if context.get("dies") or (context.get("item") or {}).get("dies"):
        kill_process(context)


def undo(context: Any) -> None:
    with (FOLDER / "mortal.journal").open("a") as lines:
        lines.write(f"{context['saga_id']} {context['idempotency_key']} {context['attempt']}\n")


busy = Saga("busy", [SagaStep("only", lambda _: time.sleep(1 / 3), timeout=1)])

# Of many, some kill the process that others' actions run in, too.
three_times = Retry(max_attempts=3, backoff=0.1)
mortal = Saga("mortal", [SagaStep("only", live_or_die, undo, retry=three_times)])
mortals = Saga(
    "mortals",
    [ForEach("all", over="items", action=live_or_die, compensation=undo, retry=three_times)],
)


def take_at_once(context: Any) -> None:
    know_as_quick()
    if context.get("dies") and context["attempt"] == 1:
        kill_process(context)


# Known as quick from the start, and however slow the machine is: on one that is busy with other
# things no action is. Its lease ends long after any test: what goes on sooner was told of.
company = Saga("company", [SagaStep("only", take_at_once, retry=Retry(backoff=0.1), timeout=3600)])


@worker_init.connect
def know_as_quick(**_: Any) -> None:
    latency._runs[latency._places["company.only"]] = (1 << latency.RUNS) - 1
