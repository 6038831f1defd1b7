"""Random sagas: nested groups, pivots, steps that can't be undone, and parts that come to their end
at birth. Their retries are short, so that each saga comes to rest soon."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, Final

from sagas.machine import (
    Choice,
    Direction,
    ForEach,
    InvalidInput,
    Parallel,
    Pivot,
    Poll,
    Repeat,
    Retry,
    Saga,
    SagaStep,
    SubSaga,
)
from sagas.machine.family_steps import is_compensable
from sagas.machine.tree import InOrder, Node
from tests.properties.shapes import precedence

Act = Callable[[str, Direction, Any], Any]
"""Does one direction of a step at its participant, with the context that it was given."""

MOST_STEPS: Final = 6
LONGEST_BACKOFF: Final = 3.0
JITTER: Final = 0.1
SLACK: Final = timedelta(seconds=5)
"""The few seconds of L2: the queue, and the looks of the wake loops."""

CHANCE_OF_A_PART: Final = 0.1
CHANCE_OF_A_CHOICE: Final = 0.3
CHANCE_OF_A_POLL: Final = 0.1
CONTEXT: Final[Mapping[str, Any]] = {"none": [], "two": [1, 2], "route": "x"}
"""What each saga begins with, for its parts and its choices."""


def _refuses(context: Any) -> None:
    raise InvalidInput({"none": "is empty"})


def _over(key: str) -> ForEach:
    return ForEach("each", over=key, action=lambda _: None)


def _of_two(name: str, saga: str, **options: Any) -> ForEach:
    return ForEach(name, over="two", saga=saga, given=["none"], **options)


PARTS: Final = (
    Saga("done", [_over("none")]),
    Saga("done_below", [SubSaga("done")]),
    Saga(
        "items",
        [
            _of_two("both", "done_below", max_concurrency=1),
            _of_two("any", "refused", on_failure="continue"),
            _of_two("first", "done", enough=1, max_concurrency=1),
        ],
    ),
    Saga("no_list", [_over("missing")]),
    Saga("refused", [_over("none")], validate=_refuses),
    Saga("not_taken", [SagaStep("never", lambda _: None, when="missing")]),
    Saga("rounds", [Repeat("r", [_over("none")], until="never", most=3, on_most="continue")]),
    Saga("too_many_rounds", [Repeat("r", [SubSaga("rounds")], until="never", most=2)]),
    Saga("turned_back", [SubSaga("done_below"), Parallel(SubSaga("done"), SubSaga("refused"))]),
)
"""Sagas that come to their end in the transaction of their birth, and need no worker (L4)."""

FORWARD: Final = 3
"""The first of `PARTS`, which complete."""


@dataclass(frozen=True)
class Design:
    """A definition, and what the checks must know of it without asking the machine."""

    saga: Saga
    undone: frozenset[str]
    """The steps that there is a way to undo."""
    polls: frozenset[str]
    left_out: frozenset[str]
    """The steps on ways that no choice takes."""
    order: frozenset[tuple[str, str]]
    """Every pair (earlier step, later step)."""
    most_attempts: Mapping[tuple[str, Direction], int]
    longest_pause: timedelta
    """Between two events of one execution, once faults have ended (L2)."""


def random_design(rng: Random, saga_type: str, act: Act) -> Design:
    """A saga of up to `MOST_STEPS` steps, half of them with branches."""
    names = [f"s{number}" for number in range(rng.randint(1, MOST_STEPS))]
    at = rng.randrange(len(names)) if rng.random() < 0.3 else len(names)
    has_pivot = at < len(names)
    nodes = _arranged(rng, names[:at], act, can_undo=True)
    if has_pivot:
        nodes.append(_step(rng, names[at], act, can_undo=rng.random() < 0.5, kind=Pivot))
        nodes += _arranged(rng, names[at + 1 :], act, can_undo=False)
    saga = Saga(saga_type, nodes)
    attempts = {
        (step.name, direction): saga.policy(step, direction).max_attempts or 0
        for step in saga.claimed_steps
        for direction in Direction
    }
    longest = max(step.lease for step in saga.claimed_steps)
    longest += timedelta(seconds=LONGEST_BACKOFF * (1 + JITTER))
    return Design(
        saga,
        frozenset(name for name, step in saga.by_name.items() if is_compensable(step)),
        frozenset(step.name for step in saga.claimed_steps if isinstance(step, Poll)),
        frozenset(_left_out(saga.body)),
        frozenset(precedence(saga.body)),
        attempts,
        longest + SLACK,
    )


def _arranged(
    rng: Random, names: list[str], act: Act, *, can_undo: bool, depth: int = 2
) -> list[Any]:
    """`names` as a list of steps and groups."""
    nodes: list[Any] = []
    while names:
        size = rng.randint(1, len(names))
        chunk, names = names[:size], names[size:]
        if size < 2 or depth == 0:
            nodes += [_step(rng, name, act, can_undo=can_undo) for name in chunk]
            continue
        split = rng.randint(1, size - 1)
        branches = [
            _arranged(rng, part, act, can_undo=can_undo, depth=depth - 1)
            for part in (chunk[:split], chunk[split:])
        ]
        if rng.random() < CHANCE_OF_A_CHOICE:
            cases = {rng.choice("xy"): branches[0]}
            nodes.append(Choice(f"c{depth}_{chunk[0]}", "route", cases, branches[1]))
        else:
            nodes.append(Parallel(*branches))
    return nodes


def _left_out(node: Node, *, is_taken: bool = True) -> Iterator[str]:
    match node:
        case Parallel(branches=nodes) | InOrder(nodes=nodes):
            for each in nodes:
                yield from _left_out(each, is_taken=is_taken)
        case Choice(ways=ways):
            chosen = '"x"' if '"x"' in ways else "otherwise"
            for label, way in ways.items():
                yield from _left_out(way, is_taken=is_taken and label == chosen)
        case _:
            if not is_taken:
                yield node.name


def _step(
    rng: Random, name: str, act: Act, *, can_undo: bool, kind: Callable[..., Any] = SagaStep
) -> Any:
    if kind is SagaStep and name != "s0" and rng.random() < CHANCE_OF_A_PART:
        # After the pivot nothing turns back: a part that is refused there waits for a person.
        return SubSaga(name, rng.choice(PARTS if can_undo else PARTS[:FORWARD]).saga_type)
    if kind is SagaStep and name != "s0" and rng.random() < CHANCE_OF_A_POLL:
        return Poll(
            name,
            partial(_ask, Counter(), rng.randint(1, 4)),
            every=rng.choice([0.2, 1.0, 2.0]),
            ask_timeout=rng.choice([0.5, 2.0, 5.0]),
            retry=_retry(rng, rng.randint(1 if can_undo else 2, 3)),
        )
    undo = partial(act, name, Direction.COMPENSATION)
    return kind(
        name,
        partial(act, name, Direction.ACTION),
        undo if can_undo and rng.random() < 0.8 else None,
        # A step after the pivot has no other way out: it must be tried again at least once.
        retry=_retry(rng, rng.randint(1 if can_undo else 2, 3)),
        compensation_retry=_retry(rng, rng.randint(1, 5)),
        timeout=rng.choice([0.5, 2.0, 5.0]),
    )


def _ask(asked: Counter[str], most: int, context: Any) -> dict[str, Any] | None:
    """There is an answer once it was asked `most` times."""
    asked[context.saga_id] += 1
    return {} if asked[context.saga_id] >= most else None


def _retry(rng: Random, most: int) -> Retry:
    backoff = rng.choice([0.0, 0.2, 1.0])
    return Retry(most, backoff=backoff, factor=2.0, cap=LONGEST_BACKOFF, jitter=JITTER)
