"""Random definitions and beginnings, and the order of their steps computed without the machine."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st

from sagas.machine import (
    ForEach,
    Parallel,
    Pivot,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    WaitFor,
)
from sagas.machine import events as ev
from sagas.machine.steps import Step
from sagas.machine.tree import InOrder, Node, steps_of
from sagas.testing.conversation import START
from tests.machine.conversation import nothing

CONTEXT: Final = {"no_list": 1, "none": [], "one": ["a"], "three": ["a", "b", "c"]}
"""What every execution begins with; its other keys are what `ForEach` is given to work over."""

SHARED: Final = "shared"
"""The key that any step may write, and that no two parallel branches may (S10)."""

_KINDS = st.sampled_from(["step"] * 6 + ["wait", "sleep", "sub", "each", "each"])
_YES_OR_NO = st.booleans()
_ONE_IN_FOUR = st.sampled_from([False, False, False, True])
_ATTEMPTS = st.sampled_from([2, 1, 3])
_BACKOFF = st.sampled_from([1, 0, 10])
_ELAPSED = st.sampled_from([None, None, None, 5])
_LIMITS = st.sampled_from([None, None, 1, 2])
_LISTS = st.sampled_from(["three", "three", "three", "one", "none", "no_list"])
_TIMEOUTS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"timeout": 20, "on_timeout": "continue"}, {"timeout": 20}]
)


class Drawn(Saga):
    """A saga that fits on a line of a failing example."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(_written(self.body))


@st.composite
def sagas(draw: st.DrawFn, max_steps: int = 8) -> Saga:
    """A saga of up to `max_steps` steps of all kinds, in nested groups; some have a pivot."""
    count = draw(st.integers(1, max_steps))
    names = [f"s{index}" for index in range(count)]
    pivot = draw(st.integers(0, count - 1)) if draw(st.integers(0, 2)) == 2 else None
    before = names if pivot is None else names[:pivot]
    after = [] if pivot is None else names[pivot + 1 :]
    nodes = _arrange(draw, before, is_after_pivot=False)
    if pivot is not None:
        nodes.append(_saga_step(draw, Pivot, names[pivot], is_after_pivot=False))
    return Drawn("random", [*nodes, *_arrange(draw, after, is_after_pivot=True)])


@st.composite
def beginnings(draw: st.DrawFn) -> ev.SagaStarted:
    """A root, a child that may be undone, or one that may not; blocked, delayed, in a hurry."""
    part = draw(st.sampled_from(["root", "root", "root", "held", "held", "forward_only"]))
    delay = draw(st.sampled_from([0, 0, 0, 0, 3, 100])) if part == "root" else 0
    limit = draw(st.sampled_from([None, None, None, 15, 60, 200]))
    locks = draw(st.sampled_from(["none", "none", "none", "held", "waited for"]))
    return ev.SagaStarted(
        "s-1",
        "random",
        1,
        CONTEXT,
        start_at=START + timedelta(seconds=delay) if delay else None,
        deadline=START + timedelta(seconds=delay + limit) if limit else None,
        locks=locks != "none",
        blocked=locks == "waited for",
        held=part == "held",
        forward_only=part == "forward_only",
    )


def _arrange(
    draw: st.DrawFn, names: list[str], *, is_after_pivot: bool, depth: int = 2
) -> list[Any]:
    """`names` as a list of steps and groups."""
    nodes: list[Any] = []
    while names:
        size = draw(st.integers(1, len(names)))
        chunk, names = names[:size], names[size:]
        if size < 2 or depth == 0:
            nodes += [_leaf(draw, name, is_after_pivot=is_after_pivot) for name in chunk]
            continue
        split = draw(st.integers(1, size - 1))
        branches = [
            _arrange(draw, part, is_after_pivot=is_after_pivot, depth=depth - 1)
            for part in (chunk[:split], chunk[split:])
        ]
        nodes.append(Parallel(*branches))
    return nodes


def _leaf(draw: st.DrawFn, name: str, *, is_after_pivot: bool) -> Step:
    match draw(_KINDS):
        case "wait":
            timeout = draw(_TIMEOUTS)
            may_fail = timeout and "on_timeout" not in timeout
            return WaitFor(name) if is_after_pivot and may_fail else WaitFor(name, **timeout)
        case "sleep":
            return Sleep(name, 10)
        case "sub":
            return SubSaga(name, "part", output=[SHARED] if draw(_ONE_IN_FOUR) else [])
        case "each":
            return ForEach(
                name,
                over=draw(_LISTS),
                action=nothing,
                compensation=None if is_after_pivot else nothing,
                max_concurrency=draw(_LIMITS),
            )
        case _:
            return _saga_step(draw, SagaStep, name, is_after_pivot=is_after_pivot)


def _saga_step(
    draw: st.DrawFn, kind: type[SagaStep], name: str, *, is_after_pivot: bool
) -> SagaStep:
    attempts = draw(_ATTEMPTS)
    return kind(
        name,
        nothing,
        None if is_after_pivot or draw(_ONE_IN_FOUR) else nothing,
        retry=Retry(
            max_attempts=max(attempts, 2) if is_after_pivot else attempts,
            backoff=draw(_BACKOFF),
            max_elapsed=draw(_ELAPSED),
        ),
        compensation_retry=Retry(max_attempts=draw(_ATTEMPTS), backoff=1),
        timeout=10,
        atomic=draw(_ONE_IN_FOUR),
    )


def _written(node: Node) -> str:
    match node:
        case Parallel(branches=children):
            return " | ".join(_written(child) for child in children)
        case InOrder(nodes=children):
            return f"[{', '.join(_written(child) for child in children)}]"
        case SagaStep(retry=retry, compensation_retry=patience):
            assert retry is not None
            undone = f"undone {patience.max_attempts}x" if node.compensation else "never undone"
            within = f" within {retry.max_elapsed} s" if retry.max_elapsed else ""
            tries = f"{retry.max_attempts}x{within}, backoff {retry.backoff}"
            kind = "Pivot" if isinstance(node, Pivot) else "Step"
            return f"{kind}({node.name} {tries}, {undone}{', atomic' if node.atomic else ''})"
        case ForEach(name=name, over=over, max_concurrency=limit):
            return f"ForEach({name} over {over}, at most {limit})"
        case WaitFor(name=name, timeout=timeout, on_timeout=on_timeout):
            return f"WaitFor({name}{f', {timeout} s or {on_timeout}' if timeout else ''})"
        case SubSaga(name=name, output=output):
            return f"SubSaga({name} gives {output})"
        case Sleep(name=name):
            return f"Sleep({name})"


def precedence(node: Node) -> Iterator[tuple[str, str]]:
    """Every pair (earlier step, later step) that the written order of `node` implies."""
    match node:
        case Parallel(branches=children):
            pass
        case InOrder(nodes=children):
            for index, child in enumerate(children):
                for later in children[index + 1 :]:
                    for first in steps_of(child):
                        for second in steps_of(later):
                            yield first.name, second.name
        case _:
            return
    for child in children:
        yield from precedence(child)
