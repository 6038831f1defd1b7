"""Random definitions, and the order of their steps computed without the machine."""

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from sagas.machine import Parallel, Pivot, Retry, Saga, SagaStep
from sagas.machine.tree import InOrder, Node, steps_of
from tests.machine.conversation import nothing


@st.composite
def sagas(draw: st.DrawFn, max_steps: int = 6) -> Saga:
    """A saga of up to `max_steps` steps: nested groups, maybe a pivot, not every step undone."""
    count = draw(st.integers(1, max_steps))
    names = [f"s{index}" for index in range(count)]
    pivot = draw(st.integers(0, count - 1)) if draw(st.integers(0, 2)) == 2 else None
    before = names if pivot is None else names[:pivot]
    after = [] if pivot is None else names[pivot + 1 :]
    nodes = _arrange(draw, before, undo=True)
    if pivot is not None:
        nodes.append(_step(draw, names[pivot], undo=True, pivot=True))
    return Saga("random", [*nodes, *_arrange(draw, after, undo=False)])


def _arrange(draw: st.DrawFn, names: list[str], *, undo: bool, depth: int = 2) -> list[Any]:
    """`names` as a list of steps and groups."""
    nodes: list[Any] = []
    while names:
        size = draw(st.integers(1, len(names)))
        chunk, names = names[:size], names[size:]
        if size < 2 or depth == 0:
            nodes += [_step(draw, name, undo=undo) for name in chunk]
        else:
            split = draw(st.integers(1, size - 1))
            branches = (chunk[:split], chunk[split:])
            nodes.append(
                Parallel(*(_arrange(draw, part, undo=undo, depth=depth - 1) for part in branches))
            )
    return nodes


def _step(draw: st.DrawFn, name: str, *, undo: bool, pivot: bool = False) -> SagaStep:
    kind = Pivot if pivot else SagaStep
    return kind(
        name,
        nothing,
        nothing if undo and draw(st.integers(0, 3)) else None,
        retry=Retry(max_attempts=draw(st.integers(1 if undo else 2, 3)), backoff=1),
        compensation_retry=Retry(max_attempts=draw(st.integers(1, 3)), backoff=1),
        timeout=10,
    )


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
