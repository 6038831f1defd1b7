"""What must change nothing, in any row: the broker's and the workers' echoes.

A hint may come again at any time, and so may the report of a worker whose lease has ended. Both
are tried in every row that is reached, for every fence that there ever was, at no cost in faults:
more than any number of repeated hints and overrun leases in a row. And because they change nothing,
the messages and the late workers themselves need no place in a world.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from sagas.machine import (
    TERMINAL,
    Decision,
    ExecutionState,
    Fact,
    StepStatus,
    Verdict,
    WaitFor,
    Woken,
    hints,
)
from tests.model import facts
from tests.model.calls import Call, Calls
from tests.model.facts import CANCEL, NOW, PAUSE, REJECTED, RESUME, SUCCESS, UNKNOWN
from tests.model.machine import answer
from tests.model.row import Row
from tests.model.shape import Shape
from tests.model.telling import told, told_row
from tests.model.violation import Violation

REFUSED, REPEATED, LATE = (
    frozenset({verdict}) for verdict in (Verdict.REFUSED, Verdict.REPEATED, Verdict.LATE)
)
LATE_ANSWERS: Final = (SUCCESS, REJECTED, UNKNOWN)


class Echo(NamedTuple):
    clause: str
    fact: Fact
    verdicts: frozenset[Verdict]


def check_echoes(shape: Shape, row: Row, calls: Calls) -> None:
    """Tells a row everything that it must not move for."""
    for echo in _echoes(shape, row, calls):
        decision = answer(shape, row.state, echo.fact)
        if decision.verdict not in echo.verdicts or not _changes_nothing(row.state, decision):
            has_ended = row.state.status in TERMINAL
            clause = "S3: terminal statuses absorb" if has_ended else echo.clause
            raise _violation(clause, row, echo.fact, decision)
    woken = answer(shape, row.state, Woken())
    told_of = {*woken.hints} == {*hints(row.state, NOW)}
    if woken.state != row.state or woken.events or not told_of:
        raise _violation("R2: to be woken is to be told again of what is due", row, Woken(), woken)


def _echoes(shape: Shape, row: Row, calls: Calls) -> Iterator[Echo]:
    for call in calls.values():
        yield from _old_hints(row, call)
        yield from _old_reports(row, call)
    yield from _vain_orders(row)
    for wait in shape.waits:
        yield from _vain_signals(shape, row, wait)


def _old_hints(row: Row, call: Call) -> Iterator[Echo]:
    """Whoever follows them finds the work done, claimed by another, or by itself (R6, R20)."""
    newest = row.state.step(call.step).fence
    for fence in range(newest + 2):
        fact = facts.claim(call, fence)
        if call in row.due and fence == newest:
            continue
        if call in row.backing_off and fence == newest:
            yield Echo("S13: nothing is claimed before it is due", fact, REFUSED)
            continue
        if call in row.in_flight and fence == newest - 1:
            yield Echo("R6: one's own claim is known again", fact, REPEATED)
            fact = replace(fact, holder="somebody else")
        yield Echo("R1: an old hint changes nothing", fact, REFUSED)


def _old_reports(row: Row, call: Call) -> Iterator[Echo]:
    """Shut out by the fence (R5, R12); the newest report is known again (R6)."""
    step = row.state.step(call.step)
    for fence in range(1, step.fence + 1):
        if call in row.in_flight and fence == step.fence:
            continue
        yield Echo(
            "S1: a late word of a lost worker changes nothing", facts.lost(call, fence), REFUSED
        )
        for fact in (facts.report(call, fence, result) for result in LATE_ANSWERS):
            if fence == step.reported:
                yield Echo("R6: a report counts once", fact, REPEATED)
            else:
                yield Echo("S1: a late report changes nothing", fact, LATE)


def _vain_orders(row: Row) -> Iterator[Echo]:
    """Of people: too late, or for what is so already."""
    if row.state.status in TERMINAL:
        for order in (CANCEL, PAUSE, RESUME):
            yield Echo("S3: what has ended takes no orders", order, REFUSED | REPEATED)
    elif row.past.is_past_pivot:
        yield Echo("S7: cancel is refused after the pivot", CANCEL, REFUSED)


def _vain_signals(shape: Shape, row: Row, wait: WaitFor) -> Iterator[Echo]:
    """Each signal counts once; after the wait, and on the way back, there is no other (R13)."""
    came = len(row.past.keys_of(wait.name))
    was_skipped = row.state.step(wait.name).status is StepStatus.SKIPPED
    for number in range(1, came + 1):
        again = REFUSED | REPEATED if was_skipped else REPEATED
        yield Echo("R13: a signal counts once", facts.signal(wait, number), again)
        other = facts.signal(wait, number, "no")
        yield Echo("R13: a signal with another payload is refused", other, REFUSED)
    yield Echo("S5: no reminder is early", facts.reminded(wait.name, has_started=True), REFUSED)
    if not takes_signals(shape, row, wait) or came == facts.most_signals(wait):
        another = facts.signal(wait, came + 1, "another")
        yield Echo("R13: a signal that is late, or one too many, is refused", another, REFUSED)


def takes_signals(shape: Shape, row: Row, wait: WaitFor) -> bool:
    """Whether a first signal of `wait` is early, or just in time."""
    step, status = row.state.step(wait.name), row.state.status
    if step.status not in (StepStatus.PENDING, StepStatus.WAITING):
        return False
    has_turned = row.past.turned_back or status in TERMINAL
    others = [name for race in shape.races if wait.name in race.ways for name in race.ways]
    is_decided = any(row.state.step(name).is_done for name in others)
    return not (has_turned or is_decided or wait.name in shape.left_out(row.state))


def _changes_nothing(before: ExecutionState, decision: Decision) -> bool:
    """A late report is recorded; nothing else follows from an echo."""
    recorded = int(decision.verdict is Verdict.LATE)
    same = replace(before, last_seq=before.last_seq + recorded)
    return decision.state == same and len(decision.events) == recorded and not decision.hints


def _violation(clause: str, row: Row, fact: Fact, decision: Decision) -> Violation:
    story = [told_row(row.state), f"echo {told(fact)}", f"verdict {decision.verdict}"]
    return Violation(clause, [*story, told_row(decision.state)])
