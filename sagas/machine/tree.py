"""The order of a saga's steps: a tree of sequences and parallel groups."""

from collections.abc import Container, Iterator, Sequence
from typing import Final

from sagas.machine.parameters import DefinitionError
from sagas.machine.state import StepState
from sagas.machine.states import DONE_FORWARD, TRIED_FORWARD, Effect, StepStatus
from sagas.machine.steps import Step, is_compensable
from sagas.machine.storable import shown

DEEPEST: Final = 50
"""Levels of lists and groups in each other. Deeper than anybody can read, and far from Python's
limit, which what walks the tree would meet."""


class Parallel:
    """Branches that run side by side. Each is a step, a list of steps in order, or a `Parallel`."""

    __slots__ = ("branches", "depth")

    def __init__(self, *branches: "Node | Sequence[Node]") -> None:
        if len(branches) < 2:
            raise DefinitionError(
                f"Parallel has {len(branches)} branch(es): give it two or more, or write the "
                f"step itself."
            )
        self.branches: tuple[Node, ...] = tuple(_as_node(branch, 1) for branch in branches)
        self.depth = _depth_above(self.branches)


class InOrder:
    """Nodes that run one after the other; made from a list."""

    __slots__ = ("depth", "nodes")

    def __init__(self, nodes: "Sequence[Node | Sequence[Node]]", level: int = 0) -> None:
        _require_list(nodes)
        if not nodes:
            raise DefinitionError("A list of steps is empty: name at least one step.")
        self.nodes: tuple[Node, ...] = tuple(_as_node(node, level + 1) for node in nodes)
        self.depth = _depth_above(self.nodes)


Node = Step | Parallel | InOrder


def steps_of(node: Node) -> Iterator[Step]:
    """Every step below `node`, in the order in which they are written."""
    match node:
        case Parallel(branches=children) | InOrder(nodes=children):
            for child in children:
                yield from steps_of(child)
        case _:
            yield node


def concurrent_steps(node: Node) -> Iterator[tuple[str, frozenset[str]]]:
    """For each step below `node`, the steps of the other branches of the groups around it."""
    match node:
        case InOrder(nodes=children):
            for child in children:
                yield from concurrent_steps(child)
        case Parallel(branches=branches):
            for branch in branches:
                others = frozenset(
                    step.name
                    for other in branches
                    if other is not branch
                    for step in steps_of(other)
                )
                for name, inner in concurrent_steps(branch):
                    yield name, inner | others
        case _:
            yield node.name, frozenset()


def outline(node: Node) -> object:
    """The structure of `node` as JSON values: kinds, names, order, and what has a compensation;
    but no policies, which may change while executions run."""
    match node:
        case InOrder(nodes=nodes):
            return [outline(child) for child in nodes]
        case Parallel(branches=branches):
            return {"parallel": [outline(branch) for branch in branches]}
        case _:
            compensation = getattr(node, "compensation", None)
            return {
                "kind": type(node).__name__,
                "name": node.name,
                "undone": compensation is not None,
                "of": getattr(node, "saga_type", None) or getattr(node, "over", None),
            }


def frontier(node: Node, settled: Container[str], *, backward: bool = False) -> list[Step]:
    """The steps below `node` that come next: not `settled`, and nothing before them unsettled.

    "Before" is the written order, or its reverse if `backward`; branches don't wait for each
    other. Empty if all of `node` is settled.
    """
    match node:
        case InOrder(nodes=nodes):
            for child in reversed(nodes) if backward else nodes:
                if found := frontier(child, settled, backward=backward):
                    return found
            return []
        case Parallel(branches=branches):
            return [
                step for branch in branches for step in frontier(branch, settled, backward=backward)
            ]
        case _:
            return [] if node.name in settled else [node]


def is_done(step: StepState) -> bool:
    """Whether the way forward is past this step."""
    return step.status in DONE_FORWARD


def is_undone(definition: Step, step: StepState) -> bool:
    """Whether the way back is past this step: nothing to undo, undone, or given up (S4, S6)."""
    if step.status in (StepStatus.COMPENSATION_SCHEDULED, StepStatus.COMPENSATING):
        return False
    if step.status in TRIED_FORWARD:
        return step.effect is Effect.NONE or not is_compensable(definition)
    return True


def _as_node(value: "Node | Sequence[Node]", level: int) -> Node:
    if isinstance(value, Step | Parallel | InOrder):
        return value
    if isinstance(value, list | tuple):
        if level >= DEEPEST:  # a list may hold itself
            raise _too_deep()
        return InOrder(value, level)
    raise DefinitionError(
        f"{shown(value)} is not a step: use SagaStep(…), Parallel(…) or a list of them."
    )


def _require_list(nodes: object) -> None:
    if not isinstance(nodes, list | tuple):
        raise DefinitionError(f"The steps are {shown(nodes)}. Write a list of steps.")


def _depth_above(nodes: Sequence[Node]) -> int:
    """Levels of what holds `nodes`. Raises `DefinitionError` for too many."""
    depth = 1 + max(getattr(node, "depth", 0) for node in nodes)
    if depth > DEEPEST:
        raise _too_deep()
    return depth


def _too_deep() -> DefinitionError:
    return DefinitionError(
        f"Lists and Parallels of steps stand in each other more than {DEEPEST} levels deep. "
        f"Flatten them, or put a part into a saga of its own and name it by SubSaga(…)."
    )
