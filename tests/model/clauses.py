"""What must hold of every transition: each check is named after the clause that it holds."""

from collections.abc import Callable
from typing import Final

from sagas.machine import (
    TERMINAL,
    Claim,
    Direction,
    ExecutionState,
    ExecutionStatus,
    Failed,
    StepStatus,
    Succeeded,
    Verdict,
    Woken,
    agrees,
    event_from_json,
    event_to_json,
    hints,
)
from sagas.machine import events as ev
from sagas.machine.evolve import IllegalMove, begin, evolve
from sagas.machine.states import DONE_FORWARD, IN_FLIGHT
from tests.model.facts import NOW
from tests.model.past import SETTLING
from tests.model.row import Transition, canonical, is_start

ACTION, COMPENSATION = Direction.ACTION, Direction.COMPENSATION
UNDONE: Final = (StepStatus.COMPENSATED, StepStatus.COMPENSATION_FAILED)


def s1_what_is_due_may_be_claimed_and_its_holder_is_believed(seen: Transition) -> bool:
    told = isinstance(seen.fact, Claim | Succeeded | Failed)
    return not told or seen.decision.verdict is Verdict.ACCEPTED


def s1_only_the_newest_fence_in_flight_settles(seen: Transition) -> bool:
    return all(
        seen.before.step(event.step).status is IN_FLIGHT[event.direction]
        and seen.before.step(event.step).fence == event.fence
        for event in seen.events
        if isinstance(event, SETTLING) and seen.shape.saga.claimed_step(event.step)
    )


def s1_each_claim_raises_its_fence_by_one(seen: Transition) -> bool:
    return all(
        event.fence == seen.before.step(event.step).fence + 1
        for event in seen.events
        if isinstance(event, ev.StepClaimed)
    )


def s2_each_attempt_settles_once(seen: Transition) -> bool:
    attempts = [
        (event.step, event.direction, event.attempt)
        for event in seen.events
        if isinstance(event, SETTLING)
    ]
    return len(attempts) == len(set(attempts)) and seen.past.settled.isdisjoint(attempts)


def s3_terminal_statuses_absorb(seen: Transition) -> bool:
    return seen.before.status not in TERMINAL or canonical(seen.before) == canonical(seen.after)


def s3_only_an_operator_moves_what_has_failed(seen: Transition) -> bool:
    by_itself = isinstance(seen.fact, Claim | Succeeded | Failed | Woken)
    if seen.before.status is not ExecutionStatus.FAILED or not by_itself:
        return True
    return canonical(seen.before) == canonical(seen.after)


def s4_only_what_may_have_happened_is_undone(seen: Transition) -> bool:
    return all(
        event.step in seen.past_after.touched and seen.shape.has_way_back(event.step)
        for event in seen.starting(COMPENSATION)
    )


def s5_compensations_start_after_every_action_has_settled(seen: Transition) -> bool:
    return not seen.starting(COMPENSATION) or not any(
        step.direction is ACTION for step in seen.after.steps.values()
    )


def s5_no_action_starts_after_the_turn_back(seen: Transition) -> bool:
    """What was begun in the same decision, before it turned back, is ended or withdrawn by it."""
    has_turned, started = seen.before.status is ExecutionStatus.COMPENSATING, set[str]()
    for event in seen.events:
        if isinstance(event, ev.SagaCompensating):
            has_turned = True
        elif isinstance(event, ev.StepWithdrawn | ev.StepSucceeded | ev.StepFailed):
            started.discard(event.step)
        elif is_start(event, ACTION):
            if has_turned:
                return False
            started.add(event.step)
    return not has_turned or not started


def s6_steps_start_after_those_before_them(seen: Transition) -> bool:
    done = {name for name, step in seen.before.steps.items() if step.status in DONE_FORWARD}
    for event in seen.events:
        if isinstance(event, ev.StepSucceeded | ev.StepSkipped | ev.StepRefused):
            done.add(event.step)
        elif is_start(event, ACTION) and not done.issuperset(
            seen.shape.earlier_than(event.step, seen.after)
        ):
            return False
    return True


def s6_compensations_start_after_those_of_later_steps(seen: Transition) -> bool:
    return all(
        seen.after.step(later).status in UNDONE
        for event in seen.starting(COMPENSATION)
        for later in seen.shape.later_than(event.step)
        if later in seen.past_after.touched and seen.shape.has_way_back(later)
    )


def s7_there_is_no_way_back_after_the_pivot(seen: Transition) -> bool:
    if not seen.past_after.is_past_pivot:
        return True
    return seen.past_after.turned_back == seen.past.turned_back and not seen.starting(COMPENSATION)


def r7_an_operator_is_told_the_truth(seen: Transition) -> bool:
    """What was cancelled, and not refused, never ends as if it had not been."""
    cancelled = seen.past_after.was_cancelled
    return not cancelled or seen.after.status is not ExecutionStatus.COMPLETED


def s8_events_are_numbered_without_a_gap(seen: Transition) -> bool:
    numbers = [recorded.seq for recorded in seen.decision.events]
    first = seen.before.last_seq + 1
    return numbers == list(range(first, seen.after.last_seq + 1))


def s8_folding_the_events_gives_the_row(seen: Transition) -> bool:
    """As they are read back from the store."""
    state = seen.before
    for recorded in seen.decision.events:
        event = event_from_json(recorded.event.type, event_to_json(recorded.event))
        try:
            state = _evolved(state, event)
        except IllegalMove:
            return False
        if state.status is not recorded.status:
            return False
    return agrees(state, seen.after)


def _evolved(state: ExecutionState, event: ev.Event) -> ExecutionState:
    return begin(event) if isinstance(event, ev.SagaStarted) else evolve(state, event)


def l2_what_becomes_due_is_told_at_once_and_nothing_else(seen: Transition) -> bool:
    due, sent = set(hints(seen.after, NOW)), set(seen.decision.hints)
    return due - set(hints(seen.before, NOW)) <= sent <= due


def r11_a_saga_turns_back_once(seen: Transition) -> bool:
    turns = [event for event in seen.events if isinstance(event, ev.SagaCompensating)]
    was_helped = seen.before.status is ExecutionStatus.FAILED  # and goes on where it stopped
    return len(turns) + (seen.past.turned_back and not was_helped) <= 1


def r18_each_claim_counts_and_none_is_beyond_the_policy(seen: Transition) -> bool:
    for event in seen.events:
        if isinstance(event, ev.StepClaimed):
            before = seen.before.step(event.step)
            made = before.attempts_of(event.direction)
            policy = seen.shape.saga.policy(seen.shape.claimed(event.step), event.direction)
            allowed = (
                policy.max_attempts or 0
            ) + before.uncounted_attempts  # held back before they began
            if event.attempt != made + 1 or event.attempt > allowed:
                return False
    return True


TRANSITION_CLAUSES: Final[tuple[Callable[[Transition], bool], ...]] = (
    s1_what_is_due_may_be_claimed_and_its_holder_is_believed,
    s1_only_the_newest_fence_in_flight_settles,
    s1_each_claim_raises_its_fence_by_one,
    s2_each_attempt_settles_once,
    s3_terminal_statuses_absorb,
    s3_only_an_operator_moves_what_has_failed,
    s4_only_what_may_have_happened_is_undone,
    s5_compensations_start_after_every_action_has_settled,
    s5_no_action_starts_after_the_turn_back,
    s6_steps_start_after_those_before_them,
    s6_compensations_start_after_those_of_later_steps,
    s7_there_is_no_way_back_after_the_pivot,
    s8_events_are_numbered_without_a_gap,
    s8_folding_the_events_gives_the_row,
    l2_what_becomes_due_is_told_at_once_and_nothing_else,
    r7_an_operator_is_told_the_truth,
    r11_a_saga_turns_back_once,
    r18_each_claim_counts_and_none_is_beyond_the_policy,
)
