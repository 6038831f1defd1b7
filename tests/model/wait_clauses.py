"""What must hold of waits, sleeps, races and accepted refusals, in each transition and each row."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sagas.machine import (
    Effect,
    Failed,
    FailureKind,
    Reminded,
    Sleep,
    StepStatus,
    TryAgain,
    Verdict,
    WaitFor,
)
from sagas.machine import events as ev
from tests.model.clauses import ACTION
from tests.model.facts import NOW, most_signals
from tests.model.past import Past
from tests.model.row import Row, Transition
from tests.model.shape import Shape


def r13_a_wait_ends_by_what_it_waits_for(seen: Transition) -> bool:
    """By signals that came, or by its time; and the context gets what came."""
    for event in seen.events:
        if not isinstance(event, ev.StepSucceeded | ev.StepFailed):
            continue
        step = seen.shape.step(event.step)
        if isinstance(step, WaitFor | Sleep) and not _may_end(seen, step, event):
            return False
    return True


def _may_end(
    seen: Transition, step: WaitFor | Sleep, event: ev.StepSucceeded | ev.StepFailed
) -> bool:
    is_over = _is_over(seen, step.name)
    has_enough = isinstance(step, WaitFor) and _has_enough(step, seen.past_after)
    if isinstance(event, ev.StepFailed) and isinstance(step, Sleep):
        return step.until is not None and not _is_moment(seen.before.context[step.until])
    if isinstance(event, ev.StepFailed):
        may_fail = isinstance(step, WaitFor) and step.on_timeout == "fail"
        return may_fail and is_over and not has_enough
    if isinstance(step, Sleep):
        return is_over and not event.changes
    may_go_on = has_enough or (is_over and step.on_timeout == "continue")
    return may_go_on and event.changes == _given(step, seen.past_after)


def _is_moment(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_over(seen: Transition, name: str) -> bool:
    """Whether its time has come, or comes by this very decision."""
    moments = [seen.before.step(name).due_at]
    for event in seen.events:
        if isinstance(event, ev.StepWaiting | ev.StepExpedited) and event.step == name:
            moments.append(event.until if isinstance(event, ev.StepWaiting) else event.due_at)
    return any(moment is not None and moment <= NOW for moment in moments)


def _has_enough(wait: WaitFor, past: Past) -> bool:
    return len(past.keys_of(wait.name)) == most_signals(wait)


def _given(wait: WaitFor, past: Past) -> Mapping[str, Any]:
    came = ["yes"] * len(past.keys_of(wait.name))
    if wait.collect:
        return {wait.name: came}
    return {wait.name: "yes"} if came else {}


def r13_to_try_again_ends_no_wait_for_a_signal(seen: Transition) -> bool:
    return not isinstance(seen.fact, TryAgain) or not any(
        isinstance(event, ev.StepExpedited) and isinstance(seen.shape.step(event.step), WaitFor)
        for event in seen.events
    )


def r13_a_skipped_wait_keeps_what_it_has_collected(seen: Transition) -> bool:
    return all(
        event.changes == _given(step, seen.past)
        for event in seen.events
        if isinstance(event, ev.StepSkipped)
        and isinstance(step := seen.shape.step(event.step), WaitFor)
        and step.collect
    )


def s3_the_first_to_end_decides(seen: Transition) -> bool:
    """The others are withdrawn; what they have collected is kept."""
    races = {race.name: race for race in seen.shape.races}
    for event in seen.events:
        if not isinstance(event, ev.SagaChose) or event.choice not in races:
            continue
        members = races[event.choice].ways
        done = [name for name in members if seen.after.step(name).is_done]
        expected: dict[str, Any] = {event.choice: event.way}
        for wait in seen.shape.waits:
            if wait.name in members and wait.collect and wait.name != event.way:
                expected |= _given(wait, seen.past_after)
        if done[:1] != [event.way] or event.changes != expected:
            return False
    return True


def s3_what_is_accepted_was_refused_and_left_nothing(seen: Transition) -> bool:
    for event in seen.events:
        if isinstance(event, ev.StepRefused) and seen.shape.saga.claimed_step(event.step):
            has_left = seen.before.step(event.step).effect is not Effect.NONE
            is_known = seen.shape.claimed(event.step).accept
            if has_left or event.step in seen.past.touched or not is_known:
                return False
    return True


def s3_a_refusal_that_is_accepted_turns_nothing_back(seen: Transition) -> bool:
    fact = seen.fact
    if not isinstance(fact, Failed) or fact.failure.kind is not FailureKind.REJECTED:
        return True
    is_answer = (
        seen.shape.claimed(fact.step).accept
        and fact.direction is ACTION
        and seen.before.step(fact.step).effect is Effect.NONE
    )
    return not is_answer or seen.after.step(fact.step).status is StepStatus.SKIPPED


def s5_a_reminder_holds_nothing_up_and_counts_once(seen: Transition) -> bool:
    """It is recorded, whether it could be started or not, and changes nothing else."""
    reminders = [event for event in seen.events if isinstance(event, ev.StepReminded)]
    if not isinstance(seen.fact, Reminded):
        return not reminders
    if seen.decision.verdict is not Verdict.ACCEPTED:
        return not seen.decision.events
    before, after = seen.before.step(seen.fact.step), seen.after.step(seen.fact.step)
    return (
        len(reminders) == len(seen.decision.events) == 1
        and reminders[0].number == after.reminded == before.reminded + 1
        and reminders[0].failure == seen.fact.failure
        and replace(after, reminded=before.reminded, remind_at=before.remind_at) == before
        and seen.after.status is seen.before.status
        and seen.after.context == seen.before.context
    )


def s5_only_a_wait_that_waits_is_reminded_of(shape: Shape, row: Row) -> bool:
    """And no more often than its definition says."""
    most = {wait.name: wait.remind.most for wait in shape.waits if wait.remind}
    return all(
        step.reminded <= most.get(name, 0)
        and (
            step.remind_at is None
            or (step.status is StepStatus.WAITING and step.reminded < most[name])
        )
        for name, step in row.state.steps.items()
    )


def s5_a_wait_that_has_just_begun_is_to_be_reminded_of(seen: Transition) -> bool:
    """If it has reminders left: it may be a person who has it tried again."""
    left = {
        wait.name: wait.remind is not None
        and seen.before.step(wait.name).reminded < wait.remind.most
        for wait in seen.shape.waits
    }
    return all(
        event.remind_at == (NOW + timedelta(seconds=60) if left[event.step] else None)
        for event in seen.events
        if isinstance(event, ev.StepWaiting) and event.step in left
    )


def r13_no_wait_goes_on_that_has_enough(shape: Shape, row: Row) -> bool:
    return not any(
        row.state.step(wait.name).status is StepStatus.WAITING and _has_enough(wait, row.past)
        for wait in shape.waits
    )


def l2_no_wait_goes_on_whose_time_has_come(shape: Shape, row: Row) -> bool:
    return not any(
        step.status is StepStatus.WAITING and step.due_at is not None and step.due_at <= NOW
        for step in row.state.steps.values()
    )


def r13_a_wait_keeps_no_more_than_it_takes(shape: Shape, row: Row) -> bool:
    return all(len(row.past.keys_of(wait.name)) <= most_signals(wait) for wait in shape.waits)


def s8_what_a_wait_has_taken_is_kept_once(shape: Shape, row: Row) -> bool:
    """In the context, and no longer beside it."""
    options = row.state.options
    return not any(
        name in options.signals or name in options.collected
        for name, step in row.state.steps.items()
        if step.is_done
    )


def s3_a_race_is_decided_once_a_member_has_ended(shape: Shape, row: Row) -> bool:
    """And then no member waits any more."""
    for race in shape.races:
        is_decided = race.name in row.state.options.choices
        statuses = {row.state.step(name).status for name in race.ways}
        is_over = any(row.state.step(name).is_done for name in race.ways)
        earlier = {each for name in race.ways for each in shape.earlier_than(name, row.state)}
        has_begun = all(row.state.step(name).is_done for name in earlier)
        if is_decided and StepStatus.WAITING in statuses:
            return False
        may_go_on = not (row.state.paused or row.past.turned_back or row.is_at_rest)
        if may_go_on and has_begun and is_over and not is_decided:
            return False
    return True


WAIT_TRANSITION_CLAUSES: Final[tuple[Callable[[Transition], bool], ...]] = (
    r13_a_wait_ends_by_what_it_waits_for,
    r13_to_try_again_ends_no_wait_for_a_signal,
    r13_a_skipped_wait_keeps_what_it_has_collected,
    s3_the_first_to_end_decides,
    s3_what_is_accepted_was_refused_and_left_nothing,
    s3_a_refusal_that_is_accepted_turns_nothing_back,
    s5_a_reminder_holds_nothing_up_and_counts_once,
    s5_a_wait_that_has_just_begun_is_to_be_reminded_of,
)

WAIT_ROW_CLAUSES: Final[tuple[Callable[[Shape, Row], bool], ...]] = (
    l2_no_wait_goes_on_whose_time_has_come,
    r13_no_wait_goes_on_that_has_enough,
    r13_a_wait_keeps_no_more_than_it_takes,
    s8_what_a_wait_has_taken_is_kept_once,
    s3_a_race_is_decided_once_a_member_has_ended,
    s5_only_a_wait_that_waits_is_reminded_of,
)
