"""The verdict that the contract demands of a fact, from what the events said before."""

from datetime import datetime

from sagas.machine import (
    Cancel,
    Claim,
    ExecutionState,
    ExecutionStatus,
    Fact,
    Failed,
    ForEach,
    Lost,
    Pause,
    Repeat,
    Resume,
    Signal,
    Succeeded,
    Verdict,
    WaitFor,
)
from tests.properties.growth import expected_of_growth
from tests.properties.ledger import Ledger, due_now, key_of
from tests.properties.shapes import has_all_signals

_ENDED = (ExecutionStatus.COMPLETED, ExecutionStatus.COMPENSATED)


def expected_verdict(
    ledger: Ledger, state: ExecutionState, fact: Fact, now: datetime
) -> Verdict | None:
    """None where the contract leaves it open, or a clause of its own says it."""
    match fact:
        case Claim():
            return _of_claim(ledger, fact, now)
        case Succeeded() | Failed():
            return _of_report(ledger, fact)
        case Lost(step=step, direction=direction, fence=fence, holder=holder):
            is_held = ledger.steps[step].flight == (direction, fence, holder)
            return Verdict.ACCEPTED if is_held else Verdict.REFUSED
        case Signal():
            return _of_signal(ledger, state, fact)
        case Cancel():
            return _of_cancel(ledger, state)
        case Pause() | Resume() if state.status not in _ENDED:
            if ledger.paused == isinstance(fact, Pause):
                return Verdict.REPEATED
            stands_still = isinstance(fact, Pause) and state.status is ExecutionStatus.FAILED
            return Verdict.REFUSED if stands_still else Verdict.ACCEPTED
        case _:
            return None


def _of_claim(ledger: Ledger, fact: Claim, now: datetime) -> Verdict:
    """S1, S14, R1, R6, R20: one claim of each hint wins, and only it may be repeated."""
    story = ledger.steps.get(fact.step)
    if story is None:
        return Verdict.REFUSED
    if story.flight == (fact.direction, fact.fence + 1, fact.holder):
        return Verdict.REPEATED
    if fact.together and story.goes_alone:
        return Verdict.REFUSED
    is_due = (fact.step, fact.direction, fact.fence) in due_now(ledger, now)
    return Verdict.ACCEPTED if is_due else Verdict.REFUSED


def _of_report(ledger: Ledger, fact: Succeeded | Failed) -> Verdict:
    """S1: only the newest fence counts, only once, and only while its claim is believed."""
    story = ledger.steps[fact.step]
    if story.flight is not None and story.flight[:2] == (fact.direction, fact.fence):
        return Verdict.ACCEPTED
    return Verdict.REPEATED if story.reported == fact.fence else Verdict.LATE


def _of_signal(ledger: Ledger, state: ExecutionState, fact: Signal) -> Verdict | None:
    """R13: before its wait it is kept; it counts once; after the timeout or the end it is refused.

    A saga that has failed, and has not turned back, is not at its end: a person may move it on.
    """
    wait = ledger.saga.signals.get(fact.name)
    if isinstance(wait, ForEach):
        return expected_of_growth(ledger, state, wait, fact)
    if isinstance(wait, Repeat):
        return _of_signal_to_round(ledger, state, wait, fact)
    if not isinstance(wait, WaitFor):
        return Verdict.REFUSED
    story = ledger.steps[fact.name]
    if fact.key in story.keys:
        is_same = story.keys[fact.key] == fact.payload
        return Verdict.REPEATED if is_same else Verdict.REFUSED
    if story.signals and not wait.collect:
        return None  # without effect, be it repeated or refused
    if has_all_signals(wait, story.signals):
        return Verdict.REFUSED
    is_ahead = not (story.is_done or story.has_failed or ledger.comes_second(fact.name))
    may_go_forward = state.status not in _ENDED and not ledger.has_turned
    return Verdict.ACCEPTED if is_ahead and may_go_forward else Verdict.REFUSED


def _of_signal_to_round(
    ledger: Ledger, state: ExecutionState, step: Repeat, fact: Signal
) -> Verdict | None:
    """R13: each key counts once for all rounds; what none took is kept if another may follow."""
    story = ledger.steps[step.name]
    if fact.key and (known := key_of(fact.name, fact.key)) in story.keys:
        return Verdict.REPEATED if story.keys[known] == fact.payload else Verdict.REFUSED
    is_over = story.is_done or story.has_failed or ledger.is_left_out(step.name)
    if is_over or state.status in _ENDED or ledger.has_turned:
        return Verdict.REFUSED
    if fact.taken:
        return Verdict.ACCEPTED
    if fact.taken is False and len(story.children) >= step.most:
        return Verdict.REFUSED
    if story.signals:
        return None  # without effect, be it repeated or refused
    return Verdict.ACCEPTED


def _of_cancel(ledger: Ledger, state: ExecutionState) -> Verdict:
    """S7, R7: taken while there is a way back, and the loser of a race is told."""
    if state.status in _ENDED or ledger.held or ledger.started.forward_only:
        return Verdict.REFUSED
    if state.status is ExecutionStatus.COMPENSATING:
        return Verdict.REPEATED
    if ledger.has_turned or ledger.no_way_back():
        return Verdict.REFUSED
    return Verdict.ACCEPTED
