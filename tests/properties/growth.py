"""What is demanded of a `ForEach` whose list grows, and of signals that a `Repeat` keeps, from what
the events said."""

from typing import Any

from sagas.machine import ExecutionState, ExecutionStatus, ForEach, Repeat, Signal, Verdict
from sagas.machine import events as ev
from tests.machine.conversation import ACTION
from tests.properties.construct_clauses import Clause, HintTarget
from tests.properties.ledger import Ledger, key_of

_ENDED = (ExecutionStatus.COMPLETED, ExecutionStatus.COMPENSATED)


def expected_of_growth(
    ledger: Ledger, state: ExecutionState, step: ForEach, fact: Signal
) -> Verdict | None:
    """R13: an item is taken once, until the list is closed or items of it gave up."""
    story, closes = ledger.steps[step.name], fact.name == step.closes_by
    if fact.key and (known := key_of(fact.name, fact.key)) in story.keys:
        return Verdict.REPEATED if story.keys[known] == fact.payload else Verdict.REFUSED
    if closes and story.is_closed:
        return None  # without effect, be it repeated or refused
    is_over = story.is_done or ledger.is_left_out(step.name) or (story.has_failed and not closes)
    if is_over or state.status in _ENDED or ledger.has_turned:
        return Verdict.REFUSED
    is_failing = story.waits is ACTION and ledger.has_failed(step.name)
    if not closes and (story.is_closed or is_failing):
        return Verdict.REFUSED
    return Verdict.ACCEPTED


def r13_a_list_takes_each_item_once_until_it_is_closed(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, ev.SagaSignalled) and event.goes_to:
        step, story = ledger.saga.by_name[event.goes_to], ledger.steps[event.goes_to]
        assert isinstance(step, ForEach)
        assert event.name == (step.grows_by if event.collected else step.closes_by)
        assert not story.is_closed
        assert not event.key or key_of(event.name, event.key) not in story.keys


def s3_a_list_that_grows_ends_closed_and_whole(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if not isinstance(event, ev.StepSucceeded | ev.StepSkipped) or event.direction is not ACTION:
        return
    step, story = ledger.saga.by_name[event.step], ledger.steps[event.step]
    if not isinstance(step, ForEach) or not step.grows_by:
        return
    if isinstance(event, ev.StepSucceeded):
        assert story.is_closed
        assert len(story.children) == story.total
    elif step.over in getattr(told.fact, "changes", {}):
        return  # a person says otherwise
    if story.signals:
        before: Any = ledger.context.get(step.over, [])
        assert event.changes[step.over] == [*before, *story.signals]
    else:
        assert step.over not in event.changes


def r13_what_is_kept_for_a_round_is_handed_to_the_next(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, ev.StepChildren) and event.started > 0:
        is_round = isinstance(ledger.saga.by_name[event.step], Repeat)
        kept = [name for name, _ in ledger.steps[event.step].signals] if is_round else []
        assert event.hands == (tuple(kept) or None)


GROWTH_CLAUSES: tuple[Clause, ...] = (
    r13_a_list_takes_each_item_once_until_it_is_closed,
    s3_a_list_that_grows_ends_closed_and_whole,
    r13_what_is_kept_for_a_round_is_handed_to_the_next,
)
