"""What each event does to the state.

`decide` changes state in no other way, so that folding an execution's events gives its state (S8).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, assert_never

from sagas.machine import events as ev
from sagas.machine.children import Children
from sagas.machine.failures import FailureKind
from sagas.machine.kept_signals import signalled, without_signal
from sagas.machine.state import (
    UNTOUCHED,
    ExecutionState,
    Options,
    StepState,
    execution_with,
    step_with,
)
from sagas.machine.states import (
    EXECUTION_MOVES,
    STEP_MOVES,
    WITHDRAWN_AFTER_TRY,
    Direction,
    Effect,
    Outcome,
    StepStatus,
)


class IllegalMove(AssertionError):
    """An event met a status that it can't follow: an engine's bug. Nothing was changed."""


def begin(event: ev.SagaStarted) -> ExecutionState:
    """The state of a new execution: its first event, applied."""
    options = Options(
        event.start_at,
        event.deadline,
        event.locks,
        event.blocked,
        event.held,
        event.forward_only,
    )
    return ExecutionState(
        event.saga_id,
        event.saga_type,
        event.version,
        context=event.context,
        last_seq=1,
        options=options,
    )


def evolve(state: ExecutionState, event: ev.Event) -> ExecutionState:
    """The state after `event`. Raises `IllegalMove` for one that `state` can't take."""
    if isinstance(event, ev.StepEvent):
        changes = _stepped(state, event)
    elif isinstance(event, ev.SagaStarted):
        raise IllegalMove(f"{state.saga_id} is started already.")
    elif isinstance(event, ev.Turn):
        changes = _turned(state, event)
    else:
        changes = _noted(state, event)
    return execution_with(state, {**changes, "last_seq": state.last_seq + 1})


def fold(events: Iterable[ev.Event]) -> ExecutionState:
    """The state that a whole history leads to; its first event is the `SagaStarted`."""
    history = iter(events)
    first = next(history)
    if not isinstance(first, ev.SagaStarted):
        raise IllegalMove(f"A history begins with saga.started, not with {first.type}.")
    state = begin(first)
    for event in history:
        state = evolve(state, event)
    return state


def agrees(folded: ExecutionState, state: ExecutionState) -> bool:
    """Whether what the events lead to is what the row says (S8)."""
    return with_asks(folded, state) == state


def with_asks(folded: ExecutionState, state: ExecutionState) -> ExecutionState:
    """What the events lead to, and what the row says of polls that were asked since their newest
    event."""
    asked = {name: step for name, step in state.steps.items() if step.asks}
    if not asked:
        return folded
    options = replace(folded.options, asked=state.options.asked)
    return replace(folded, steps={**folded.steps, **asked}, options=options)


def _turned(state: ExecutionState, event: ev.Turn) -> dict[str, Any]:
    before, after = EXECUTION_MOVES[event.type]
    if state.status not in before:
        raise IllegalMove(f"{event.type} on {state.saga_id}, which is {state.status}.")
    return {"status": after}


def _noted(state: ExecutionState, event: ev.Note) -> dict[str, Any]:
    match event:
        case ev.StepLate() | ev.SagaCancelled():
            return {}
        case ev.SagaPaused():
            return {"paused": True}
        case ev.SagaResumed():
            return {"paused": False}
        case ev.SagaAmended(changes=changes):
            return {"context": {**state.context, **changes}}
        case ev.SagaAdopted(version=version):
            return {"version": version}
        case ev.SagaUnblocked():
            return {"options": replace(state.options, blocked=False)}
        case ev.SagaReleased():
            return {"options": replace(state.options, held=False)}
        case ev.SagaSignalled():
            return signalled(state, event)
        case ev.SagaChose(choice=choice, way=way, changes=changes):
            options = replace(state.options, choices={**state.options.choices, choice: way})
            if not changes:
                return {"options": options}
            for name in changes.keys() & options.collected.keys():
                options = without_signal(options, name)
            return {"options": options, "context": {**state.context, **changes}}
        case _:
            assert_never(event)


def _stepped(state: ExecutionState, event: ev.StepEvent) -> dict[str, Any]:
    step = state.steps.get(event.step, UNTOUCHED)
    move = STEP_MOVES[event.direction].get(event.type)
    if move is None or step.status not in move[0]:
        raise IllegalMove(
            f"{event.type} ({event.direction}) on {state.saga_id}, step {event.step}, which is "
            f"{step.status}."
        )
    settled = {"status": move[1], "due_at": None, "lease_until": None, "together": False}
    settled |= {"remind_at": None, **_details(step, event)}
    changed = step_with(step, settled | {"asks": 0} if step.asks else settled)
    changes: dict[str, Any] = {"steps": {**state.steps, event.step: changed}}
    if isinstance(event, ev.StepAsked):
        changes["options"] = replace(state.options, asked=event.asked)
    elif isinstance(event, ev.Adds):
        if event.changes:
            changes["context"] = {**state.context, **event.changes}
        if event.step in state.options.signals or event.step in state.options.collected:
            changes["options"] = without_signal(state.options, event.step)
    elif isinstance(event, ev.StepChildren):
        if event.adds:
            changes["context"] = {**state.context, **event.adds}
        for name in event.hands or ():
            changes["options"] = without_signal(changes.get("options", state.options), name)
    return changes


def _details(step: StepState, event: ev.StepEvent) -> dict[str, Any]:
    """What `event` sets in a step beside its status."""
    match event:
        case ev.StepScheduled(due_at=due_at):
            # The first of its direction, unless a person reopened it, whose attempts start over.
            uncounted = _reopened_at(step, event)
            return {"due_at": due_at, "since": due_at, "uncounted_attempts": uncounted}
        case ev.StepClaimed(fence=fence, holder=holder, lease_until=lease_until):
            claim = {"fence": fence, "holder": holder, "lease_until": lease_until}
            return claim | {"together": event.together} | _counted(event)
        case ev.StepAsked():
            return _asked(event) | _counted(event)
        case ev.StepWaiting(fence=fence):
            return {"fence": fence} | _counted(event) | _waiting(step, event)
        case ev.StepReminded(number=number, remind_at=remind_at):
            return {"due_at": step.due_at, "reminded": number, "remind_at": remind_at}
        case ev.StepChildren():
            return _of_children(step, event)
        case ev.StepRefused(failure=failure, changes=changes, fence=fence):
            wrote = tuple(sorted({*step.wrote, *changes}))
            effect = Effect.NONE  # of children: they have undone what they did
            return {"failure": failure, "wrote": wrote, "reported": fence, "effect": effect}
        case ev.StepSucceeded(fence=fence, changes=changes):
            wrote = tuple(sorted({*step.wrote, *changes}))
            effect = Effect.APPLIED if event.direction is Direction.ACTION else step.effect
            return {"reported": fence, "wrote": wrote, "effect": effect}
        case ev.StepRetrying(failure=failure, effect=effect, due_at=due_at):
            is_uncounted = failure.kind is FailureKind.LATER or not event.counts
            return {
                "failure": failure,
                "effect": effect,
                "uncounted_attempts": step.uncounted_attempts + is_uncounted,
                "alone": step.alone or event.alone,
                "due_at": due_at,
            } | _reported(event)
        case ev.StepFailed(failure=failure, effect=effect):
            return {"failure": failure, "effect": effect} | _reported(event)
        case ev.StepWithdrawn():
            was_tried = step.attempts and step.status is not StepStatus.WAITING
            return {"status": WITHDRAWN_AFTER_TRY} if was_tried else {}
        case _:
            return _helped(step, event)


def _of_children(step: StepState, event: ev.StepChildren) -> dict[str, Any]:
    details: dict[str, Any] = {"children": _moved(step, event), "status": step.status}
    details["failure"] = event.failure or step.failure
    if event.adds:
        details["wrote"] = tuple(sorted({*step.wrote, *event.adds}))
    return details


def _moved(step: StepState, event: ev.StepChildren) -> Children:
    assert step.children is not None, "only a step with children hears of them"
    moved, refused = step.children.changed(event.change), event.refused
    total, started = moved.total + (event.adds is not None), moved.started + event.started
    return replace(moved, total=total, started=started, refused=moved.refused or refused)


def _helped(
    step: StepState,
    event: ev.StepExpedited | ev.StepReopened | ev.StepSkipped | ev.StepResolved,
) -> dict[str, Any]:
    """The same for what a person does to a step."""
    match event:
        case ev.StepExpedited(due_at=due_at):
            return {"due_at": due_at, "status": step.status, "remind_at": step.remind_at}
        case ev.StepReopened(direction=direction, due_at=due_at):
            anew = {"uncounted_attempts": step.attempts_of(direction), "since": due_at}
            return anew | ({"due_at": due_at} if direction is Direction.COMPENSATION else {})
        case ev.StepSkipped(changes=changes):
            return {"wrote": tuple(sorted({*step.wrote, *changes}))}
        case ev.StepResolved():
            return {"effect": Effect.NONE} if event.direction is Direction.ACTION else {}
        case _:
            assert_never(event)


def _reopened_at(step: StepState, event: ev.StepScheduled) -> int:
    """A compensation begins with none of what its action was not charged with."""
    return step.uncounted_attempts if event.direction is Direction.ACTION else 0


def _asked(event: ev.StepAsked) -> dict[str, Any]:
    is_asked_now = event.lease_until is not None
    return {
        "status": StepStatus.RUNNING if is_asked_now else StepStatus.SCHEDULED,
        "fence": event.fence,
        "reported": event.reported,
        "holder": event.holder,
        "due_at": event.due_at,
        "lease_until": event.lease_until,
        "together": event.together,
    }


def _counted(event: ev.StepClaimed | ev.StepAsked | ev.StepWaiting) -> dict[str, int]:
    name = "attempts" if event.direction is Direction.ACTION else "compensation_attempts"
    return {name: event.attempt}


def _waiting(step: StepState, event: ev.StepWaiting) -> dict[str, Any]:
    if event.direction is Direction.COMPENSATION:
        assert step.children is not None, "only a step with children waits on the way back"
        # Those that were stuck are tried again, and will tell again.
        stuck = step.children.count(Outcome.STUCK)
        return {"children": step.children.changed({Outcome.STUCK: -stuck})}
    if event.total is not None:
        children: Children | None = Children(event.total, 0, open=event.open)
    elif step.children is not None:  # goes on with those it has, which tell anew
        children = replace(step.children, outcomes={}, refused="")
    else:
        children = None
    return {"due_at": event.until, "remind_at": event.remind_at, "children": children}


def _reported(event: ev.StepRetrying | ev.StepFailed) -> dict[str, int]:
    return {"reported": event.fence} if event.reported else {}
