"""What the machine's decisions and the codec of its rows cost: `python -m bench.decide`.

For sagas of 5, 20 and 100 steps in a row, all that follows is measured in the middle of the saga,
after 10 and after 1,000 events of failed and repeated attempts. `whole run` is the mean of all
decisions from the first claim to the end, claims and successes in turns; `goes on` is a success
and the next step's claim, as a worker that runs on asks for them. `read` and `write` are the way
between the JSON text of the steps and the state. Each figure is the best, and the median, of
`ROUNDS`, in µs; whatever else the machine does makes the median worse, and the best hardly.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from sagas.machine import (
    Claim,
    Decision,
    Direction,
    ExecutionState,
    Fact,
    Failed,
    Failure,
    FailureKind,
    Retry,
    Saga,
    SagaStep,
    StepState,
    Succeeded,
    Woken,
    decide,
    start,
    wake_at,
)
from sagas.machine import events as ev

ROUNDS: Final = 50
CALLS: Final = 100
"""In each round: about a millisecond, so that the clock's own cost is nothing beside it, and some
rounds are not disturbed."""

NOW: Final = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
HOLDER: Final = "0123456789abcdef" * 2
ACTION: Final = Direction.ACTION
FAILURE: Final = Failure(FailureKind.UNREACHABLE, "ConnectionError", "connection refused")


def nothing(context: Any) -> None:
    """An action that is never called."""


def saga(steps: int) -> Saga:
    """So many steps in a row, whose attempts are repeated at once, and as often as one likes."""
    retry = Retry(max_attempts=100_000, backoff=0)
    return Saga("bench", [SagaStep(name(n), nothing, nothing, retry=retry) for n in range(steps)])


def name(number: int) -> str:
    return f"step_{number}"


def begun(definition: Saga) -> ExecutionState:
    """A new execution, whose first step is due."""
    started = ev.SagaStarted("s-1", definition.saga_type, 1, {"order": 7})
    return start(definition, started, NOW).state


def run(definition: Saga, state: ExecutionState, steps: range) -> ExecutionState:
    """Claims each of these steps and reports a success."""
    for number in steps:
        state = decide(definition, state, claim(state, number), NOW).state
        state = decide(definition, state, success(state, number), NOW).state
    return state


def repeat(definition: Saga, state: ExecutionState, number: int, events: int) -> ExecutionState:
    """Claims a step and fails, again and again, until there are so many events more."""
    enough = state.last_seq + events
    while state.last_seq < enough:
        state = decide(definition, state, claim(state, number), NOW).state
        state = decide(definition, state, failed(state, number), NOW).state
    return state


def claim(state: ExecutionState, number: int) -> Claim:
    return Claim(name(number), ACTION, state.step(name(number)).fence, HOLDER)


def success(state: ExecutionState, number: int) -> Succeeded:
    return Succeeded(name(number), ACTION, state.step(name(number)).fence, {"done": number})


def failed(state: ExecutionState, number: int) -> Failed:
    return Failed(name(number), ACTION, state.step(name(number)).fence, FAILURE)


def calls(definition: Saga, events: int) -> Iterator[tuple[str, Callable[[], object], int]]:
    """What is measured: a name, a call, and how many decisions are in it."""
    new, count = begun(definition), len(definition.by_name)
    yield "whole run", lambda: run(definition, new, range(count)), 2 * count
    here = count // 2
    due = repeat(definition, run(definition, new, range(here)), here, events)
    claimed = decide(definition, due, claim(due, here), NOW).state

    def asked(state: ExecutionState, fact: Fact) -> Callable[[], Decision]:
        return lambda: decide(definition, state, fact, NOW)

    def goes_on() -> Decision:
        first = decide(definition, claimed, success(claimed, here), NOW)
        return first.then(decide(definition, first.state, claim(first.state, here + 1), NOW))

    yield "Claim", asked(due, claim(due, here)), 1
    yield "Succeeded", asked(claimed, success(claimed, here)), 1
    yield "goes on", goes_on, 1
    yield "Failed, and again", asked(claimed, failed(claimed, here)), 1
    yield "Succeeded, late", asked(due, Succeeded(name(here), ACTION, -1, {})), 1
    yield "Woken, for nothing", asked(claimed, Woken()), 1
    yield "wake_at", lambda: wake_at(claimed, NOW, 0), 1
    text = written(claimed)
    yield "read", lambda: read(text), 1
    yield "write", lambda: written(claimed), 1


def read(text: str) -> dict[str, StepState]:
    return {key: StepState.from_json(kept) for key, kept in json.loads(text).items()}


def written(state: ExecutionState) -> str:
    return json.dumps({key: step.to_json() for key, step in state.steps.items()})


def measure(call: Callable[[], object], parts: int) -> tuple[float, float]:
    """The best and the median of the rounds, in µs for each part of a call."""
    count = max(1, CALLS // parts)
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(count):
            call()
        took.append((time.process_time() - began) / count / parts * 1e6)
    return min(took), statistics.median(took)


def main() -> None:
    print(f"{'steps':>5} {'events':>6}  {'what':20} {'best':>7} {'median':>7}  µs")
    for steps in (5, 20, 100):
        definition = saga(steps)
        for events in (10, 1000):
            for what, call, parts in calls(definition, events):
                best, median = measure(call, parts)
                print(f"{steps:5} {events:6}  {what:20} {best:7.1f} {median:7.1f}", flush=True)


if __name__ == "__main__":
    main()
