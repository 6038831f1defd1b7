"""Moving an execution to another definition of its type, on purpose: what would become of it, and
why it can't be moved. Pure, and without effects, like `compatibility`, whose rules it asks."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import Final

from sagas.machine import events as ev
from sagas.machine.decision import Decision, Draft, Verdict
from sagas.machine.definition import Saga
from sagas.machine.facts import Adopt
from sagas.machine.family_steps import ForEach, Step
from sagas.machine.state import ExecutionState, StepState
from sagas.machine.states import TERMINAL, TRIED_FORWARD, Direction, ExecutionStatus, StepStatus
from sagas.machine.steps import SagaStep
from sagas.machine.traversal import frontier
from sagas.machine.tree import Choice
from sagas.machine.waiting_steps import Sleep, WaitFor
from sagas.whatif.compatibility import (
    Kind,
    at_steps,
    on_the_way,
)
from sagas.whatif.compensations import has_to_be_undone, with_compensations
from sagas.whatif.preview import way_back
from sagas.whatif.rehearsal import may_go_back

_LEAVABLE: Final = (Kind.STEP_REMOVED, Kind.COMPENSATION_REMOVED)

_MOST_GIVEN_BACK: Final = 2
"""Compensations that a changed definition is taken to have lost at once: each is tried with each
other, and a digest computed."""


@dataclass(frozen=True, slots=True)
class Part:
    """One step: where it stands, and its fate under the new definition: `stays`, `goes on`, `to
    come`, `withdrawn` (it was not begun, and is not next any more) or `gone` (there is no such step
    any more)."""

    name: str
    status: str
    fate: str


@dataclass(frozen=True, slots=True)
class Adoption:
    """What happens to an execution that is moved to the definition of `version`."""

    version: int
    digest: str
    refused: tuple[str, ...]
    """Why it can't be moved, a sentence each; empty if it can."""
    is_there: bool
    """Whether it goes by that definition already."""
    steps: tuple[Part, ...]
    stages: tuple[tuple[str, ...], ...]
    """What would be undone, in order, if it was cancelled right after that."""


def adoption(
    definition: Saga,
    state: ExecutionState,
    digest: str,
    began_with: Saga | None,
    leave: Collection[str],
    now: datetime,
) -> Adoption:
    """What it means for `state`, of a structure with that `digest`, to go on by `definition`.

    `began_with` is a definition of that structure, if one is known: it tells what had a
    compensation. `leave` are steps that were done, and need not be undone.
    """
    dropped = _not_begun(definition, state)
    steps = {name: step for name, step in state.steps.items() if name not in dropped}
    kept = replace(state, steps=steps)
    refused = [*_out_of_reach(definition, state, leave, now)]
    if not refused:
        refused += _misfits(definition, kept, digest, began_with, leave, now)
    return Adoption(
        definition.version,
        definition.digest,
        tuple(refused),
        (state.version, digest) == (definition.version, definition.digest),
        tuple(_parts(definition, state, dropped)),
        () if refused else way_back(definition, kept, now).stages,
    )


def adopt(definition: Saga, state: ExecutionState, fact: Adopt, now: datetime) -> Decision:
    """The move itself, once `adoption` has refused nothing. What follows from it is for the next
    look at the execution."""
    draft = Draft(definition, state, now)
    for name in _not_begun(definition, state):
        draft.emit(ev.StepWithdrawn(name, Direction.ACTION))
    draft.emit(
        ev.SagaAdopted(
            by=fact.by,
            reason=fact.reason,
            version=definition.version,
            digest=definition.digest,
            leave=fact.leave,
        )
    )
    return draft.decision(Verdict.ACCEPTED)


def _not_begun(definition: Saga, state: ExecutionState) -> list[str]:
    """The steps that nobody has begun, and that are not next by `definition`."""
    done = {name for name, step in state.steps.items() if step.is_done}
    found = frontier(definition.body, done, state.options.choices)
    ahead = {step.name: step for step in found if not isinstance(step, Choice)}
    return [
        name
        for name, step in state.steps.items()
        if _is_untouched(step) and not _fits(ahead.get(name), step)
    ]


def _is_untouched(step: StepState) -> bool:
    """Whether it waits for its first claim, for a signal or for a time."""
    if step.status is StepStatus.SCHEDULED:
        return not step.attempts
    return step.status is StepStatus.WAITING and step.children is None


def _fits(known: Step | None, step: StepState) -> bool:
    kind = SagaStep if step.status is StepStatus.SCHEDULED else WaitFor | Sleep
    return isinstance(known, kind)


def _out_of_reach(
    definition: Saga, state: ExecutionState, leave: Collection[str], now: datetime
) -> Iterator[str]:
    may_be_undone = state.status is ExecutionStatus.COMPLETED and state.options.held
    if state.status in TERMINAL and not may_be_undone:
        yield f"The saga is {state.status}: nothing is left to act on."
    for name, step in state.steps.items():
        if step.lease_until is not None and step.lease_until > now:
            yield (
                f"Step {name} is running, until {step.lease_until:%H:%M:%S %Z} at most: wait until "
                f"it has settled."
            )
    known = dict.fromkeys([*state.steps, *definition.by_name])
    for name in leave:
        if name not in known:
            yield f"There is no step {name!r} to leave. Steps: {', '.join(known)}."


def _misfits(
    definition: Saga,
    state: ExecutionState,
    digest: str,
    began_with: Saga | None,
    leave: Collection[str],
    now: datetime,
) -> Iterator[str]:
    leave = {name for name in leave if _was_done(state.step(name))}
    found = [
        problem
        for problem in at_steps(definition, state, digest)
        if not (problem.step in leave and problem.kind in _LEAVABLE)
    ]
    named = {problem.step for problem in found}
    yield from (problem.what for problem in found)
    for name in _perhaps_lost(definition, state, digest, began_with):
        if name not in leave and name not in named:
            yield (
                f"Step {name} is done, and has no compensation here: it would never be undone. If "
                f"it never had one, or need not be undone, say so: --leave {name}."
            )
    if not found:
        yield from (problem.what for problem in on_the_way(definition, state, now))


def _perhaps_lost(
    definition: Saga, state: ExecutionState, digest: str, began_with: Saga | None
) -> list[str]:
    """The steps that were done, have no compensation in `definition`, and had one before; or may
    have had, if nothing tells."""
    bare = [
        name
        for name, step in state.steps.items()
        if isinstance(known := definition.by_name.get(name), SagaStep | ForEach)
        and known.action is not None  # a saga's steps have their own
        and known.compensation is None
        and name not in definition.after_pivot
        and (has_to_be_undone(definition, state, step) or _has_items(definition, state, step))
    ]
    if began_with is not None:
        return [name for name in bare if _could_undo(began_with.by_name.get(name))]
    for count in range(_MOST_GIVEN_BACK + 1):
        for names in combinations(bare, count):
            if with_compensations(definition, names).digest == digest:
                return list(names)
    return bare


def _was_done(step: StepState) -> bool:
    return step.status in TRIED_FORWARD or step.children is not None


def _has_items(definition: Saga, state: ExecutionState, step: StepState) -> bool:
    """Whether items of a step that is at work may have to be undone."""
    return bool(step.children and step.children.started) and may_go_back(definition, state)


def _could_undo(known: Step | None) -> bool:
    return isinstance(known, SagaStep | ForEach) and known.compensation is not None


def _parts(definition: Saga, state: ExecutionState, dropped: Collection[str]) -> Iterator[Part]:
    for name in dict.fromkeys([*definition.by_name, *state.steps]):
        step = state.step(name)
        if name in dropped:
            fate = "withdrawn"
        elif name not in definition.by_name:
            fate = "gone"
        elif step.direction is not None:
            fate = "goes on"
        else:
            fate = "to come" if step.status is StepStatus.PENDING else "stays"
        yield Part(name, step.status.value, fate)
