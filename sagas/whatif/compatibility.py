"""Whether a definition can go on with what other code began. Pure, and without effects.

`problems` looks at one execution as it is stored: whether its events and its row can be read and
agree (S8); whether each step that it has been at is in the definition, and of the kind that it
needs; whether the machine, told that all goes well from here, brings it to its end, forward and
backward. What it finds are values, each with a sentence that says what to do.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sagas.machine.added_items import items_of
from sagas.machine.definition import Saga
from sagas.machine.evolve import fold
from sagas.machine.family_steps import Family, ForEach, Step, is_compensable
from sagas.machine.state import ExecutionState, StepState
from sagas.machine.states import (
    SCHEDULED,
    StepStatus,
)
from sagas.machine.steps import SagaStep
from sagas.machine.traversal import steps_of
from sagas.machine.tree import Choice, FirstOf, InOrder, Node, Parallel
from sagas.machine.waiting_steps import Sleep, WaitFor
from sagas.whatif.compensations import has_to_be_undone, lost_compensations
from sagas.whatif.rehearsal import goes_back, goes_forward, may_go_forward
from sagas.whatif.stored import Stored, StoredEvent, differences, read, read_event

_ADVICE: Final = (
    "Give the changed definition the next version, and keep this one in sagas.py until its "
    "executions have ended."
)


class Kind(StrEnum):
    """What is wrong."""

    UNKNOWN_DEFINITION = "unknown-definition"
    UNREADABLE = "unreadable"
    OTHER_HISTORY = "other-history"
    STEP_REMOVED = "step-removed"
    STEP_CHANGED = "step-changed"
    STEP_INSERTED = "step-inserted"
    COMPENSATION_REMOVED = "compensation-removed"
    NO_WAY_FORWARD = "no-way-forward"
    NO_WAY_BACK = "no-way-back"
    DEFINITION_CHANGED = "definition-changed"
    """Under the same version; this execution can go on all the same, once a person says so."""


@dataclass(frozen=True, slots=True)
class Incompatibility:
    """One thing that is wrong with an execution; `message` says what, and what to do about it."""

    kind: Kind
    message: str
    step: str | None = None

    @property
    def what(self) -> str:
        """The message without what to do about it."""
        return self.message.removesuffix(_ADVICE).rstrip()

    @property
    def breaks(self) -> bool:
        """Whether the execution can't go on as it should."""
        return self.kind is not Kind.DEFINITION_CHANGED


def problems(
    definition: Saga | None,
    stored: Stored,
    now: datetime,
    events: Iterable[StoredEvent] | None = None,
) -> list[Incompatibility]:
    """What `definition`, the one that is known for it, would meet in an execution; empty if all is
    well. Without `events` its history is not looked at."""
    if definition is None:
        message = (
            f"No {stored.saga_type!r} in version {stored.version} is known here. Keep it in "
            f"sagas.py until its executions have ended, or leave them to workers that have it."
        )
        return [Incompatibility(Kind.UNKNOWN_DEFINITION, message)]
    try:
        state = read(stored)
    except Exception as error:
        return [_unreadable("Its row", error)]
    found = [] if events is None else list(_in_history(state, events))
    here = list(at_steps(definition, state, stored.definition_digest))
    found += here or on_the_way(definition, state, now)
    if not found and stored.definition_digest not in ("", definition.digest):
        message = (
            "It was started with another structure of this version (S12), so it is left alone "
            f"until it is moved: manage.py saga adopt. It could go on with this one. {_ADVICE}"
        )
        found.append(Incompatibility(Kind.DEFINITION_CHANGED, message))
    return found


def on_the_way(definition: Saga, state: ExecutionState, now: datetime) -> Iterator[Incompatibility]:
    """What `definition` would meet if all went well from here."""
    if why := goes_forward(definition, state, now):
        message = f"If all goes well from here, it does not complete: {why}. {_ADVICE}"
        yield Incompatibility(Kind.NO_WAY_FORWARD, message)
    if why := goes_back(definition, state, now):
        message = f"If it turns back from here, it is not compensated: {why}. {_ADVICE}"
        yield Incompatibility(Kind.NO_WAY_BACK, message)


# --- The row and its history ----------------------------------------------------------------------


def _in_history(state: ExecutionState, events: Iterable[StoredEvent]) -> Iterator[Incompatibility]:
    history = []
    for row in events:
        try:
            history.append(read_event(row))
        except Exception as error:
            yield _unreadable(f"Its event {row.seq}, {row.type},", error)
            return
        if row.seq != len(history):
            yield _other_history(f"event {len(history)} is missing")
            return
    try:
        folded = fold(history)
    except Exception as error:
        yield _other_history(f"{type(error).__name__}: {error}")
        return
    if other := differences(folded, state):
        yield _other_history(f"they lead to another {', '.join(other)}")


def _unreadable(what: str, error: Exception) -> Incompatibility:
    message = (
        f"{what} can't be read here ({type(error).__name__}: {error}). Newer code wrote it: "
        f"deploy code that is no older."
    )
    return Incompatibility(Kind.UNREADABLE, message)


def _other_history(what: str) -> Incompatibility:
    message = (
        f"Its events don't lead to its row (S8): {what}. Either something wrote past the engine, "
        "or this code interprets an event differently from the code that wrote it. Don't deploy "
        "before you know why."
    )
    return Incompatibility(Kind.OTHER_HISTORY, message)


# --- The steps that it has been at ----------------------------------------------------------------


def at_steps(definition: Saga, state: ExecutionState, digest: str) -> Iterator[Incompatibility]:
    """What is wrong with the steps that an execution, whose structure has `digest`, has been at."""
    lost = lost_compensations(definition, state, digest)
    for name, step in state.steps.items():
        known = definition.by_name.get(name)
        if known is None:
            if _is_missed(definition, state, step):
                message = f"Step {name} is {step.status}, and not in the definition. {_ADVICE}"
                yield Incompatibility(Kind.STEP_REMOVED, message, name)
        elif needed := _other_kind(definition, state, known, step):
            message = f"Step {name} is {step.status}, and needs {needed}. {_ADVICE}"
            yield Incompatibility(Kind.STEP_CHANGED, message, name)
        elif name in lost or (step.status in _UNDOING and not is_compensable(known)):
            message = f"Step {name} is {step.status}, and its compensation is gone. {_ADVICE}"
            yield Incompatibility(Kind.COMPENSATION_REMOVED, message, name)
    if may_go_forward(state):
        yield from _at_signals(definition, state)
        yield from _at_choices(definition, state)
        for name, later in _inserted(definition.body, state):
            message = (
                f"Step {name} stands before {later}, which was reached without it: it would run "
                f"too late. {_ADVICE}"
            )
            yield Incompatibility(Kind.STEP_INSERTED, message, name)


_UNDOING: Final = (
    StepStatus.COMPENSATION_SCHEDULED,
    StepStatus.COMPENSATING,
    StepStatus.COMPENSATION_FAILED,
)


def _at_choices(definition: Saga, state: ExecutionState) -> Iterator[Incompatibility]:
    for name, way in state.options.choices.items():
        known = definition.choices.get(name)
        if known is not None and way and way not in known.ways:
            message = f"Choice {name} took the way {way}, which it does not have. {_ADVICE}"
            yield Incompatibility(Kind.STEP_CHANGED, message, name)


def _at_signals(definition: Saga, state: ExecutionState) -> Iterator[Incompatibility]:
    """Signals that came, and that the wait does not look at now."""
    for kept, needed in ((state.options.signals, "one"), (state.options.collected, "many")):
        for name in kept:
            known = definition.by_name.get(name)
            if isinstance(known, WaitFor) and known.collect is (needed == "one"):
                message = f"A signal came for step {name}, and needs a wait for {needed}. {_ADVICE}"
                yield Incompatibility(Kind.STEP_CHANGED, message, name)
            elif isinstance(known, ForEach) and not known.grows_by:
                message = f"A signal came for step {name}, whose list does not grow. {_ADVICE}"
                yield Incompatibility(Kind.STEP_CHANGED, message, name)


def _is_missed(definition: Saga, state: ExecutionState, step: StepState) -> bool:
    """Whether an execution can't do without the definition of a step."""
    if step.direction is not None or step.status is StepStatus.COMPENSATION_FAILED:
        return True
    if step.status is StepStatus.FAILED and may_go_forward(state):
        return True
    return has_to_be_undone(definition, state, step) and not _was_wait(step)


def _was_wait(step: StepState) -> bool:
    return step.children is None and not step.holder


def _other_kind(definition: Saga, state: ExecutionState, known: Step, step: StepState) -> str:
    """The kind of step that it takes to go on from there, if `known` is of another."""
    is_over = step.direction is None and step.status is not StepStatus.COMPENSATION_FAILED
    if is_over and not has_to_be_undone(definition, state, step):
        return ""
    if step.children is not None:
        if not isinstance(known, Family):
            return "children (SubSaga, ForEach or Repeat)"
        if isinstance(known, ForEach) and not _has_items_left(known, state, step):
            return f"the list of its {step.children.total} items, and {known.over!r} is not a list"
    elif step.holder or step.status in SCHEDULED.values():
        return "" if isinstance(known, SagaStep) else "an action (SagaStep)"
    elif not isinstance(known, WaitFor | Sleep):
        return "a wait (WaitFor or Sleep)"
    return ""


def _has_items_left(known: ForEach, state: ExecutionState, step: StepState) -> bool:
    assert step.children is not None, "a step of children has them"
    items = items_of(known, state)
    is_list = items is not None and len(items) >= step.children.total
    return is_list or step.is_done or step.children.started == step.children.total


def _inserted(node: Node, state: ExecutionState) -> Iterator[tuple[str, str]]:
    """Each step below `node` that was never reached, and a later one that was."""
    match node:
        case InOrder(nodes=nodes):
            for index, child in enumerate(nodes):
                later = (step.name for node in nodes[index + 1 :] for step in steps_of(node))
                witness = next((name for name in later if _was_reached(state.step(name))), None)
                if witness is None:
                    yield from _inserted(child, state)
                    continue
                yield from ((name, witness) for name in _missing(child, state))
        case Parallel(branches=branches):
            for branch in branches:
                yield from _inserted(branch, state)
        case Choice(name=name):
            if (way := _taken(node, state)) is not None:
                yield from _inserted(way, state)
            elif name not in state.options.choices and not isinstance(node, FirstOf):
                steps = (step.name for step in steps_of(node))
                witness = next((step for step in steps if _was_reached(state.step(step))), None)
                if witness is not None:
                    yield name, witness
        case _:
            return


def _missing(node: Node, state: ExecutionState) -> Iterator[str]:
    """The steps below `node` that were never scheduled, and the choices that were never made."""
    match node:
        case InOrder(nodes=children) | Parallel(branches=children):
            for child in children:
                yield from _missing(child, state)
        case Choice(name=name):
            if (way := _taken(node, state)) is not None:
                yield from _missing(way, state)
            elif name not in state.options.choices:
                yield name
        case _:
            if node.name not in state.steps:
                yield node.name


def _taken(choice: Choice, state: ExecutionState) -> Node | None:
    return choice.ways.get(state.options.choices.get(choice.name, ""))


def _was_reached(step: StepState) -> bool:
    """A step may also be skipped by a person before it is reached, or be withdrawn after that."""
    was_due = step.since and step.status is not StepStatus.PENDING
    return bool(was_due or step.attempts or step.direction)
