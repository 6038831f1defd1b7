"""From a decision to the row: the one way in which a transition is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sagas.engine import births, tasks
from sagas.engine.family import gives_locks_back
from sagas.engine.newborn import ChildStart
from sagas.listeners import announce, announce_committed
from sagas.machine import Decision, Saga, hints, outcome, wake_at
from sagas.machine.wake import repeat_interval
from sagas.store import children, locks, transitions
from sagas.store.executions import ExecutionSnapshot, snapshot_with
from sagas.store.transitions import TransitionWrite


@dataclass(frozen=True, slots=True)
class Transition:
    """What became of a fact, and the row as it is after it. `call` is the parent that has to hear
    of it."""

    definition: Saga
    decision: Decision
    row: ExecutionSnapshot
    call: int | None


@dataclass(frozen=True, slots=True)
class OptimisticWrite:
    """A decision on a row that was read without its lock, and what it means for others.

    It is optimistic concurrency control (Kung and Robinson, TODS 1981): nearly always nobody else
    has anything to do with an execution.
    """

    definition: Saga
    written: TransitionWrite
    news: bool

    @classmethod
    def of(
        cls, definition: Saga, seen: ExecutionSnapshot, decision: Decision
    ) -> "OptimisticWrite | None":
        """None if other rows are to be written with it: then it must be decided under the lock."""
        if decision.starts or decision.child_commands or gives_locks_back(decision.state):
            return None
        if tasks.have_changed(definition, seen.state, decision.state):
            return None
        came_to, news = news_of(definition, seen, decision)
        wake = (
            _next_wake(seen, decision, news=news)
            if decision.state is not seen.state
            else seen.wake_at
        )
        return cls(definition, TransitionWrite(seen, decision, wake, came_to), news)


def save(
    definition: Saga, locked: ExecutionSnapshot, decision: Decision, newborn: list[ChildStart]
) -> Transition:
    """Writes a decision on a row that this transaction has locked, and all that follows."""
    came_to, news = news_of(definition, locked, decision)
    wake = _next_wake(locked, decision, news=news)
    if not transitions.save([TransitionWrite(locked, decision, wake, came_to)], locked=True):
        raise RuntimeError(
            f"{locked.state.saga_id} changed under this transaction's lock, so something writes "
            f"rows past sagas.store. The transition was not saved."
        )
    _pass_on(locked, decision)
    if tasks.have_changed(definition, locked.state, decision.state):
        tasks.write([(locked.id, definition, decision.state)], locked.now)
    births.insert(newborn, locked.id, locked.family_id, locked.owner_id, locked.now)
    if decision.events or decision.hints:
        announce(locked.id, definition, decision)
    return _transition(definition, locked, decision, wake, news=news)


def save_optimistically(decided: Sequence[OptimisticWrite]) -> dict[int, Transition]:
    """Writes them in one statement, and a transaction of its own; id → what became of those of
    which nothing has changed since they were read. The others must be decided anew."""
    changing = [each.written for each in decided if each.written.changes_row]
    saved = transitions.save(changing, locked=False) if changing else set()
    announce_committed(
        [
            (each.written.seen.id, each.definition, each.written.decision)
            for each in decided
            if each.written.seen.id in saved
        ]
    )
    return {
        written.seen.id: _transition(
            each.definition, written.seen, written.decision, written.wake_at, news=each.news
        )
        for each in decided
        if (written := each.written).seen.id in saved or not written.changes_row
    }


def news_of(definition: Saga, row: ExecutionSnapshot, decision: Decision) -> tuple[str, bool]:
    """What a child has come to, `""` if to nothing, and whether that is new to its parent."""
    came_to = outcome(definition, decision.state) if row.parent_id is not None else None
    return came_to or "", came_to is not None and came_to != row.outcome_taken


def earliest(moment: datetime | None, news_at: datetime | None, sent: int) -> datetime | None:
    """`moment`, or earlier, if a parent has to hear of what came about at `news_at`."""
    if news_at is None:
        return moment
    again = news_at + repeat_interval(sent)
    return again if moment is None else min(moment, again)


def _transition(
    definition: Saga,
    row: ExecutionSnapshot,
    decision: Decision,
    wake: datetime | None,
    *,
    news: bool,
) -> Transition:
    after = snapshot_with(
        row, {"state": decision.state, "hints_sent": 0, "wake_at": wake, "commands": []}
    )
    return Transition(definition, decision, after, row.parent_id if news else None)


def _next_wake(row: ExecutionSnapshot, decision: Decision, *, news: bool) -> datetime | None:
    """When to look again: no later than was promised before, unless that has come.

    A look too early finds nothing and promises anew, so steps that take longer cost one; but
    while the promise stays, no transition has to move the row in the index of what is due. And a
    step that is due and was not told of by this decision must keep it: or a busy branch would put
    its lost hint off for as long as it is busy.
    """
    moment = wake_at(decision.state, row.now, 0)
    if moment is not None and row.wake_at is not None and row.wake_at < moment:
        # An ask of a poll is no event, and would cost a look more each time.
        is_ahead = row.wake_at > row.now and bool(decision.events)
        is_kept = is_ahead or _leaves_untold(decision, row.now)
        moment = row.wake_at if is_kept else moment
    return earliest(moment, row.now if news else None, 0)


def _leaves_untold(decision: Decision, now: datetime) -> bool:
    """Whether a step is due that this decision tells nobody of."""
    return not set(hints(decision.state, now)) <= set(decision.hints)


def _pass_on(locked: ExecutionSnapshot, decision: Decision) -> None:
    """What a saved decision means for others: its children, and those that wait for its locks."""
    if decision.child_commands and any(step.children for step in decision.state.steps.values()):
        for each in decision.child_commands:
            children.leave_command(locked.id, each)
    if gives_locks_back(decision.state):
        locks.leave(locked.id)
