"""What each event does to the state. `decide` changes state in no other way, so that folding an
execution's events gives its state (S8)."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, assert_never

from sagas.machine.events import (
    Adds,
    Event,
    Note,
    SagaAdopted,
    SagaAmended,
    SagaCancelled,
    SagaPaused,
    SagaReleased,
    SagaResumed,
    SagaSignalled,
    SagaStarted,
    SagaUnblocked,
    StepChildren,
    StepClaimed,
    StepEvent,
    StepExpedited,
    StepFailed,
    StepLate,
    StepReopened,
    StepResolved,
    StepRetrying,
    StepScheduled,
    StepSkipped,
    StepSucceeded,
    StepWaiting,
    StepWithdrawn,
    Turn,
)
from sagas.machine.failures import FailureKind
from sagas.machine.state import (
    Children,
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


def begin(event: SagaStarted) -> ExecutionState:
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


def evolve(state: ExecutionState, event: Event) -> ExecutionState:
    """The state after `event`. Raises `IllegalMove` for one that `state` can't take."""
    if isinstance(event, StepEvent):
        changes = _stepped(state, event)
    elif isinstance(event, SagaStarted):
        raise IllegalMove(f"{state.saga_id} is started already.")
    elif isinstance(event, Turn):
        changes = _turned(state, event)
    else:
        changes = _noted(state, event)
    return execution_with(state, {**changes, "last_seq": state.last_seq + 1})


def fold(events: Iterable[Event]) -> ExecutionState:
    """The state that a whole history leads to; its first event is the `SagaStarted`."""
    history = iter(events)
    first = next(history)
    if not isinstance(first, SagaStarted):
        raise IllegalMove(f"A history begins with saga.started, not with {first.type}.")
    state = begin(first)
    for event in history:
        state = evolve(state, event)
    return state


def _turned(state: ExecutionState, event: Turn) -> dict[str, Any]:
    before, after = EXECUTION_MOVES[event.type]
    if state.status not in before:
        raise IllegalMove(f"{event.type} on {state.saga_id}, which is {state.status}.")
    return {"status": after}


def _noted(state: ExecutionState, event: Note) -> dict[str, Any]:
    match event:
        case StepLate() | SagaCancelled():
            return {}
        case SagaPaused():
            return {"paused": True}
        case SagaResumed():
            return {"paused": False}
        case SagaAmended(changes=changes):
            return {"context": {**state.context, **changes}}
        case SagaAdopted(version=version):
            return {"version": version}
        case SagaUnblocked():
            return {"options": replace(state.options, blocked=False)}
        case SagaReleased():
            return {"options": replace(state.options, held=False)}
        case SagaSignalled(name=name, payload=payload):
            signals = {**state.options.signals, name: payload}
            return {"options": replace(state.options, signals=signals)}
        case _:
            assert_never(event)


def _stepped(state: ExecutionState, event: StepEvent) -> dict[str, Any]:
    step = state.step(event.step)
    move = STEP_MOVES[event.direction].get(event.type)
    if move is None or step.status not in move[0]:
        raise IllegalMove(
            f"{event.type} ({event.direction}) on {state.saga_id}, step {event.step}, which is "
            f"{step.status}."
        )
    settled = {"status": move[1], "due_at": None, "lease_until": None, "together": False}
    settled |= _details(step, event)
    changed = step_with(step, settled)
    changes: dict[str, Any] = {"steps": {**state.steps, event.step: changed}}
    if isinstance(event, Adds):
        if event.changes:
            changes["context"] = {**state.context, **event.changes}
        if event.step in state.options.signals:
            changes["options"] = _without_signal(state.options, event.step)
    return changes


def _without_signal(options: Options, step: str) -> Options:
    """A signal that its wait has taken is kept no longer."""
    kept = {name: payload for name, payload in options.signals.items() if name != step}
    return replace(options, signals=kept)


def _details(step: StepState, event: StepEvent) -> dict[str, Any]:
    """What `event` sets in a step beside its status."""
    match event:
        case StepScheduled(due_at=due_at):
            # The first of its direction, unless a person reopened it, whose attempts start over.
            return {
                "due_at": due_at,
                "since": due_at,
                "uncounted_attempts": _reopened_at(step, event),
            }
        case StepClaimed(fence=fence, holder=holder, lease_until=lease_until):
            claim = {"fence": fence, "holder": holder, "lease_until": lease_until}
            return claim | {"together": event.together} | _counted(event)
        case StepWaiting(fence=fence):
            return {"fence": fence} | _counted(event) | _waiting(step, event)
        case StepChildren(started=started, change=change, refused=refused):
            assert step.children is not None, "only a step with children hears of them"
            moved = step.children.changed(change)
            now = replace(moved, started=moved.started + started, refused=moved.refused or refused)
            return {"children": now}
        case StepSucceeded(fence=fence, changes=changes):
            wrote = tuple(sorted({*step.wrote, *changes}))
            effect = Effect.APPLIED if event.direction is Direction.ACTION else step.effect
            return {"reported": fence, "wrote": wrote, "effect": effect}
        case StepRetrying(failure=failure, effect=effect, due_at=due_at):
            is_uncounted = failure.kind is FailureKind.LATER or not event.counts
            kept = {
                "failure": failure,
                "effect": effect,
                "uncounted_attempts": step.uncounted_attempts + is_uncounted,
            }
            kept |= {"alone": step.alone or event.alone}
            return kept | {"due_at": due_at} | _reported(event)
        case StepFailed(failure=failure, effect=effect):
            return {"failure": failure, "effect": effect} | _reported(event)
        case StepWithdrawn():
            was_tried = step.attempts and step.status is not StepStatus.WAITING
            return {"status": WITHDRAWN_AFTER_TRY} if was_tried else {}
        case StepExpedited(due_at=due_at):
            return {"due_at": due_at}
        case StepReopened(direction=direction, due_at=due_at):
            anew = {"uncounted_attempts": step.attempts_of(direction), "since": due_at}
            return anew | ({"due_at": due_at} if direction is Direction.COMPENSATION else {})
        case StepSkipped(changes=changes):
            return {"wrote": tuple(sorted({*step.wrote, *changes}))}
        case StepResolved():
            return {"effect": Effect.NONE} if event.direction is Direction.ACTION else {}
        case _:
            assert_never(event)


def _reopened_at(step: StepState, event: StepScheduled) -> int:
    """A compensation begins with none of what its action was not charged with."""
    return step.uncounted_attempts if event.direction is Direction.ACTION else 0


def _counted(event: StepClaimed | StepWaiting) -> dict[str, int]:
    name = "attempts" if event.direction is Direction.ACTION else "compensation_attempts"
    return {name: event.attempt}


def _waiting(step: StepState, event: StepWaiting) -> dict[str, Any]:
    if event.direction is Direction.COMPENSATION:
        assert step.children is not None, "only a step with children waits on the way back"
        # Those that were stuck are tried again, and will tell again.
        stuck = step.children.count(Outcome.STUCK)
        return {"children": step.children.changed({Outcome.STUCK: -stuck})}
    if event.total is not None:
        children: Children | None = Children(event.total, 0)
    elif step.children is not None:  # goes on with those it has, which tell anew
        children = replace(step.children, outcomes={}, refused="")
    else:
        children = None
    return {"due_at": event.until, "children": children}


def _reported(event: StepRetrying | StepFailed) -> dict[str, int]:
    return {"reported": event.fence} if event.reported else {}
