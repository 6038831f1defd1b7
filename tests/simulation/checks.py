"""The clauses of the contract, each asked of one execution's history. They know the contract and
the definition, and nothing of how the machine decides."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from sagas.machine import AT_REST, Direction, ExecutionStatus, FailureKind, StepStatus, agrees, fold
from sagas.machine import events as ev
from tests.simulation.history import Settled, Story, in_flight_at_each
from tests.simulation.participants import Call

ACTION, COMPENSATION = Direction.ACTION, Direction.COMPENSATION
MAY_HAVE_HAPPENED: Final = (FailureKind.UNKNOWN, FailureKind.CONFLICT)


def broken_clauses(story: Story, calls: list[Call], *, was_cancelled: bool) -> list[str]:
    """What the history, the attempts that ran and what an operator was told say against the
    engine; empty if all is well."""
    broken = [message for check in CHECKS for message in check(story)]
    broken += s1_no_action_ran_before_its_claim_was_committed(story, calls)
    broken += s14_only_what_was_begun_counts(story, calls)
    if was_cancelled and story.state.status is ExecutionStatus.COMPLETED:
        broken.append("R7: it was completed, and the operator was told that it turns back")
    return broken


def s1_only_the_newest_claim_settles(story: Story) -> Iterator[str]:
    newest: dict[str, int] = {}
    held: dict[str, int] = {}
    for event in story.events:
        if isinstance(event, ev.StepClaimed | ev.StepWaiting):  # nobody claims a part: it waits
            if event.fence != newest.get(event.step, 0) + 1 or event.step in held:
                yield f"S1: {event} while {held.get(event.step)} was held"
            newest[event.step] = held[event.step] = event.fence
        elif isinstance(event, Settled) and held.pop(event.step, None) != event.fence:
            yield f"S1: {event} settled under a fence that was not held"
        elif isinstance(event, ev.StepAsked):  # the claims of a poll, as far as they matter
            newest[event.step] = event.fence
            held.pop(event.step, None)
            held |= {event.step: event.fence} if event.lease_until else {}
        elif isinstance(event, ev.StepLate):
            if event.fence == held.get(event.step):
                yield f"S1: {event} is late, though its claim was believed"
            is_known = event.fence <= newest.get(event.step, 0)
            if not is_known and event.step not in story.design.polls:
                yield f"S1: {event} reports a claim that was never committed"


def s1_no_action_ran_before_its_claim_was_committed(
    story: Story, calls: list[Call]
) -> Iterator[str]:
    claimed = {
        (event.step, event.direction, event.attempt): at
        for event, at in zip(story.events, story.times, strict=True)
        if isinstance(event, ev.StepClaimed)
    }
    for call in calls:
        key = call.request.step, call.request.direction, call.attempt
        at = claimed.pop(key, None)  # an attempt runs once at most
        if at is None or at > call.at:
            yield f"S1: {key} ran at {call.at}, claimed at {at}"


def s2_each_attempt_settles_once(story: Story) -> Iterator[str]:
    settled = set()
    attempts: dict[tuple[str, Direction], int] = {}
    uncounted_attempts: Counter[tuple[str, Direction]] = Counter()
    for event in story.events:
        if isinstance(event, ev.StepRetrying):
            uncounted_attempts[event.step, event.direction] += _is_uncounted(event)
        if isinstance(event, ev.StepClaimed):
            key = event.step, event.direction
            attempts[key] = attempts.get(key, 0) + 1
            most = story.design.most_attempts[key] + uncounted_attempts[key]
            if event.attempt != attempts[key] or event.attempt > most:
                yield f"S2, R18: {event} is attempt number {attempts[key]}"
        elif isinstance(event, Settled):
            attempt = event.step, event.direction, event.attempt
            if attempt in settled:
                yield f"S2: {event} settles its attempt again"
            settled.add(attempt)


def s3_what_has_ended_stays_ended(story: Story) -> Iterator[str]:
    has_ended = False
    for event in story.events:
        if has_ended and not isinstance(event, ev.StepLate):
            yield f"S3: {event} after the end"
        has_ended = has_ended or event.type in ("saga.completed", "saga.compensated")
    if story.state.status is ExecutionStatus.COMPLETED:
        for name in story.design.saga.by_name.keys() - story.design.left_out:
            if story.state.step(name).status is not StepStatus.SUCCEEDED:
                yield f"S3: completed, with {name} {story.state.step(name).status}"


def s4_a_way_that_is_not_taken_is_left_alone(story: Story) -> Iterator[str]:
    for name in sorted(story.design.left_out & story.state.steps.keys()):
        yield f"S4: {name} is {story.state.step(name).status}, on a way that is not taken"


def s4_what_may_have_happened_is_undone_and_nothing_else(story: Story) -> Iterator[str]:
    touched = set()
    for event in story.events:
        if isinstance(event, Settled) and event.direction is ACTION:
            if isinstance(event, ev.StepSucceeded) or event.failure.kind in MAY_HAVE_HAPPENED:
                touched.add(event.step)
        elif _is_undoing(event) and event.step not in touched:
            yield f"S4: {event}, which never happened"
    if story.state.status is ExecutionStatus.COMPENSATED:
        for name in touched & story.design.undone:
            if story.state.step(name).status is not StepStatus.COMPENSATED:
                yield f"S4: compensated, with {name} {story.state.step(name).status}"


def s5_no_compensation_before_every_action_has_settled(story: Story) -> Iterator[str]:
    for event, held in in_flight_at_each(story, ACTION):
        if _is_undoing(event) and held:
            yield f"S5: {event} while {sorted(held)} run"


def s6_the_way_back_is_the_way_forward_reversed(story: Story) -> Iterator[str]:
    must: set[str] = set()
    undone: set[str] = set()
    before = story.design.order
    for event in story.events:
        if isinstance(event, Settled) and event.direction is ACTION:
            if isinstance(event, ev.StepSucceeded) or event.failure.kind in MAY_HAVE_HAPPENED:
                must.add(event.step)
        elif isinstance(event, ev.StepSucceeded | ev.StepFailed):
            undone.add(event.step)
        elif _is_undoing(event):
            for later in sorted((must & story.design.undone) - undone):
                if (event.step, later) in before:
                    yield f"S6: {event} before {later} was undone"
    succeeded: set[str] = set()
    for event in story.events:
        if isinstance(event, ev.StepScheduled) and event.direction is ACTION:
            taken = story.design.saga.by_name.keys() - story.design.left_out
            for earlier in sorted(taken - succeeded):
                if (earlier, event.step) in before:
                    yield f"S6: {event} before {earlier} had succeeded"
        elif isinstance(event, ev.StepSucceeded) and event.direction is ACTION:
            succeeded.add(event.step)


def s7_after_the_pivot_there_is_no_way_back(story: Story) -> Iterator[str]:
    pivots = [pivot.name for pivot in story.design.saga.pivots]
    is_past = False
    for event in story.events:
        if is_past and event.type in ("saga.compensating", "saga.cancelled"):
            yield f"S7: {event} after the pivot"
        if isinstance(event, ev.StepSucceeded) and event.direction is ACTION:
            is_past = is_past or event.step in pivots


def s8_the_events_lead_to_the_row(story: Story) -> Iterator[str]:
    if story.numbers != list(range(1, len(story.numbers) + 1)):
        yield f"S8: a gap in {story.numbers}"
    elif not agrees(fold(story.events), story.state):
        yield f"S8: folded, the events give {fold(story.events)}, and the row is {story.state}"


def s12_no_step_that_its_structure_lacks(story: Story) -> Iterator[str]:
    by_name = story.design.saga.by_name
    for event in story.events:
        step = getattr(event, "step", None)
        if step is not None and step not in by_name:
            yield f"S12: {event}, and it was started without such a step"
        elif _is_undoing(event) and step not in story.design.undone:
            yield f"S12: {event}, and it was started without that compensation"


def s13_one_clock_and_no_lease_ends_early(story: Story) -> Iterator[str]:
    leases: dict[str, Any] = {}
    for event, at in zip(story.events, story.times, strict=True):
        if isinstance(event, ev.StepClaimed | ev.StepAsked) and event.lease_until:
            leases[event.step] = event.lease_until
        elif (
            _is_shut_out(event)
            and event.step in leases
            and not _is_known_dead(event)
            and at < leases[event.step]
        ):
            yield f"S13: {event} at {at}, before its lease ended at {leases[event.step]}"
    if story.times != sorted(story.times):
        yield f"S13: times go back: {story.times}"


def r6_a_report_that_was_taken_is_never_late(story: Story) -> Iterator[str]:
    reported: dict[str, int] = {}
    for event in story.events:
        if isinstance(event, ev.StepLate) and event.fence == reported.get(event.step):
            yield f"R6: {event}, though that report was taken before"
        if isinstance(event, Settled) and getattr(event, "reported", True):
            reported[event.step] = event.fence


def one_turn_and_one_end(story: Story) -> Iterator[str]:
    types = [event.type for event in story.events]
    ends = [event_type for event_type in types if event_type in _ENDS]
    if types.count("saga.compensating") > 1:
        yield f"R9, R11: it turned back more than once: {types}"
    if (story.state.status in AT_REST) != bool(ends) or len(ends) > 1:
        yield f"S3: it is {story.state.status}, and its ends are {ends}"


def stood_still(story: Story, faults_ended_at: datetime, at_first: timedelta) -> Iterator[str]:
    """L2: without faults it moves on within its lease, its backoff and a few seconds. `at_first`
    for a while, as its hint may have been lost before faults ended."""
    if story.state.status not in AT_REST:
        yield f"L2: it is still {story.state.status}"
    for before, after in pairwise(story.times):
        is_early = after <= faults_ended_at + at_first
        if not is_early and after - max(before, faults_ended_at) > story.design.longest_pause:
            yield f"L2: nothing happened from {before} to {after}"


CHECKS: Final[tuple[Callable[[Story], Iterator[str]], ...]] = (
    s1_only_the_newest_claim_settles,
    s2_each_attempt_settles_once,
    s3_what_has_ended_stays_ended,
    s4_a_way_that_is_not_taken_is_left_alone,
    s4_what_may_have_happened_is_undone_and_nothing_else,
    s5_no_compensation_before_every_action_has_settled,
    s6_the_way_back_is_the_way_forward_reversed,
    s7_after_the_pivot_there_is_no_way_back,
    s8_the_events_lead_to_the_row,
    s12_no_step_that_its_structure_lacks,
    s13_one_clock_and_no_lease_ends_early,
    r6_a_report_that_was_taken_is_never_late,
    one_turn_and_one_end,
)


def s14_only_what_was_begun_counts(story: Story, calls: list[Call]) -> Iterator[str]:
    """And deaths of others count once at most, for a step, which goes alone from then on."""
    begun = {(call.request.step, call.request.direction, call.attempt) for call in calls}
    alone, together = set[str](), dict[str, bool]()
    for event in story.events:
        if isinstance(event, ev.StepClaimed):
            together[event.step] = event.together
            if event.together and event.step in alone:
                yield f"S14: {event}, though it goes alone"
        # Nobody claims a part, and a poll asks nobody who keeps books.
        if not _is_shut_out(event) or event.step not in together.keys() - story.design.polls:
            continue
        attempt = event.step, event.direction, event.attempt
        if _is_known_dead(event) and _was_held_back(event) == (attempt in begun):
            yield f"S14: {event}, and it was {'' if attempt in begun else 'not '}begun"
        if isinstance(event, ev.StepRetrying):
            if not event.counts and (event.step in alone or not together[event.step]):
                yield f"S14: {event} is not counted, though it was alone"
            alone |= {event.step} if event.alone else set()
        elif together[event.step] and not _is_known_dead(event) and not _may_end(story, event):
            yield f"S14: {event} gave up beside others"


def _is_known_dead(event: Any) -> bool:
    """Whether its worker's main process told of it; else its lease has ended."""
    return bool(event.failure.error == "WorkerLost")


def _may_end(story: Story, event: ev.StepFailed) -> bool:
    """Whether there is no other attempt, whatever this one counts for."""
    before = story.events[: story.events.index(event)]
    has_turned = any(isinstance(each, ev.SagaCompensating) for each in before)
    is_only = story.design.most_attempts[event.step, event.direction] == 1
    return is_only or (has_turned and event.direction is ACTION)


def _was_held_back(event: Any) -> bool:
    return bool(event.failure.kind is FailureKind.LATER)


def _is_uncounted(event: ev.StepRetrying) -> bool:
    return not event.counts or _was_held_back(event)


_ENDS: Final = ("saga.completed", "saga.compensated", "saga.failed")


def _is_shut_out(event: Any) -> bool:
    return isinstance(event, ev.StepRetrying | ev.StepFailed) and not event.reported


def _is_undoing(event: Any) -> bool:
    return isinstance(event, ev.StepScheduled | ev.StepClaimed) and event.direction is COMPENSATION
