"""What is left to be undone, and whether a changed definition has still the means to."""

from dataclasses import replace
from itertools import combinations

from sagas.machine.definition import Saga
from sagas.machine.family_steps import ForEach
from sagas.machine.state import ExecutionState, StepState
from sagas.machine.states import TRIED_FORWARD, Effect
from sagas.machine.steps import SagaStep
from sagas.machine.tree import Choice, InOrder, Node, Parallel
from sagas.whatif.rehearsal import may_go_back


def has_to_be_undone(definition: Saga, state: ExecutionState, step: StepState) -> bool:
    """Whether there is something to undo, should the execution turn back."""
    is_left = step.status in TRIED_FORWARD and step.effect is not Effect.NONE
    return is_left and may_go_back(definition, state)


def lost_compensations(definition: Saga, state: ExecutionState, digest: str) -> tuple[str, ...]:
    """The steps to be undone that had a compensation in the definition that began this: found by
    giving it back to one or two of them, and comparing digests."""
    if digest in ("", definition.digest):
        return ()
    bare = [
        name
        for name, step in state.steps.items()
        if (known := definition.claimed_step(name)) is not None
        and known.compensation is None
        and name not in definition.after_pivot
        and has_to_be_undone(definition, state, step)
    ]
    for names in (*combinations(bare, 1), *combinations(bare, 2)):
        if with_compensations(definition, names).digest == digest:
            return names
    return ()


def with_compensations(definition: Saga, names: tuple[str, ...]) -> Saga:
    """The same, but with compensations for these steps."""
    return replace(definition, steps=[_undoable(node, names) for node in definition.body.nodes])


def _undoable(node: Node, names: tuple[str, ...]) -> Node:
    match node:
        case InOrder(nodes=nodes):
            return InOrder([_undoable(child, names) for child in nodes])
        case Parallel(branches=branches):
            return Parallel(*(_undoable(branch, names) for branch in branches))
        case Choice(ways=ways):
            return node.with_ways({label: _undoable(way, names) for label, way in ways.items()})
        case SagaStep(name=name) | ForEach(name=name) if name in names and node.action is not None:
            return replace(node, compensation=node.action)
        case _:
            return node
