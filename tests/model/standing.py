"""What must hold of every row that is reached, wherever it came from."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from sagas.machine import (
    ExecutionState,
    ExecutionStatus,
    Outcome,
    StepState,
    StepStatus,
    wake_at,
)
from sagas.machine.states import DONE_FORWARD, GOING_FORWARD
from sagas.machine.wake import LONGEST_REPEAT
from tests.model.clauses import ACTION, UNDONE
from tests.model.facts import NOW
from tests.model.row import Row, is_due
from tests.model.shape import Shape

NEVER: Final = NOW + timedelta(days=365)


def l1_somebody_is_woken_for_what_is_not_at_rest(shape: Shape, row: Row) -> bool:
    is_left_alone = row.is_at_rest or row.state.paused or _waits_for_signals_alone(row.state)
    return (wake_at(row.state, NOW, 0) is None) == is_left_alone


def l2_nobody_sleeps_beyond_a_lease_or_a_hint(shape: Shape, row: Row) -> bool:
    steps = row.state.steps.values()
    moments = [step.lease_until for step in steps if step.lease_until is not None]
    moments += [step.due_at for step in steps if step.due_at is not None and not is_due(step)]
    moments += [step.remind_at for step in steps if step.remind_at is not None]
    moments += [NOW + LONGEST_REPEAT for step in steps if is_due(step)]
    moments += [NOW + LONGEST_REPEAT for step in steps if step.direction and _has_to_hear(step)]
    woken = [wake_at(row.state, NOW, sent) or NEVER for sent in (0, 10)]
    is_asleep = row.is_at_rest or row.state.paused
    return not moments or is_asleep or max(woken) <= min(moments)


def l2_whatever_may_start_is_scheduled(shape: Shape, row: Row) -> bool:
    if row.state.paused:
        return True
    if row.state.status in GOING_FORWARD:
        return not _waits_for_nothing_ahead(shape, row.state)
    return row.state.status is not ExecutionStatus.COMPENSATING or not _waits_to_be_undone(
        shape, row
    )


def s3_completed_means_that_all_succeeded_and_nothing_turned_back(shape: Shape, row: Row) -> bool:
    return row.state.status is not ExecutionStatus.COMPLETED or (
        not row.past.turned_back
        and all(row.state.step(name).status in DONE_FORWARD for name in shape.taken(row.state))
        and not any(step.compensation_attempts for step in row.state.steps.values())
    )


def s4_compensated_means_that_all_that_may_have_happened_is_undone(shape: Shape, row: Row) -> bool:
    if row.state.status is not ExecutionStatus.COMPENSATED:
        return True
    return all(
        (row.state.step(name).status is StepStatus.COMPENSATED) == _must_be_undone(shape, row, name)
        for name in shape.saga.by_name
    )


def s4_a_way_that_is_not_taken_is_left_alone(shape: Shape, row: Row) -> bool:
    return not any(name in row.state.steps for name in shape.never_taken)


def s5_nothing_goes_on_in_what_is_at_rest(shape: Shape, row: Row) -> bool:
    return not row.is_at_rest or not row.state.current_steps


def s6_failed_on_the_way_back_means_that_all_else_is_undone(shape: Shape, row: Row) -> bool:
    if row.state.status is not ExecutionStatus.FAILED or not row.past.turned_back:
        return True
    ends = {
        row.state.step(name).status
        for name in shape.saga.by_name
        if _must_be_undone(shape, row, name)
    }
    return ends <= set(UNDONE) and StepStatus.COMPENSATION_FAILED in ends


def s7_failed_on_the_way_forward_means_that_nothing_is_undone(shape: Shape, row: Row) -> bool:
    if row.state.status is not ExecutionStatus.FAILED or row.past.turned_back:
        return True
    steps = row.state.steps.values()
    return any(step.status is StepStatus.FAILED for step in steps) and not any(
        step.compensation_attempts for step in steps
    )


def s8_a_row_reads_back_as_it_was(shape: Shape, row: Row) -> bool:
    return all(StepState.from_json(step.to_json()) == step for step in row.state.steps.values())


def _must_be_undone(shape: Shape, row: Row, name: str) -> bool:
    return shape.has_way_back(name) and name in row.past.touched


def _waits_for_signals_alone(state: ExecutionState) -> bool:
    """Without a time at which anything ends."""
    steps = [state.step(name) for name in state.current_steps]
    return bool(steps) and all(
        step.status is StepStatus.WAITING
        and not (step.due_at or step.remind_at or _has_to_hear(step))
        for step in steps
    )


def _has_to_hear(step: StepState) -> bool:
    """Whether children of a step are at work, or have something to undo."""
    found = step.children
    if found is None or not found.open or step.status is not StepStatus.WAITING:
        return found is not None
    return found.count(Outcome.COMPLETED, Outcome.FINAL, Outcome.UNDONE) < found.total


def _waits_for_nothing_ahead(shape: Shape, state: ExecutionState) -> bool:
    """Whether a step is pending, though all before it are done and none has failed."""
    if any(step.status is StepStatus.FAILED for step in state.steps.values()):
        return False
    ahead = shape.earlier_than
    return any(
        state.step(name).status is StepStatus.PENDING
        and all(state.step(earlier).status in DONE_FORWARD for earlier in ahead(name, state))
        for name in shape.taken(state)
    )


def _waits_to_be_undone(shape: Shape, row: Row) -> bool:
    """Whether a compensation is not scheduled, though all later ones have settled (S6)."""
    if any(row.state.in_flight(ACTION)) or any(row.state.families(ACTION)):
        return False
    waiting = {
        name
        for name in shape.saga.by_name
        if _must_be_undone(shape, row, name) and row.state.step(name).status not in UNDONE
    }
    return any(
        row.state.step(name).direction is None and waiting.isdisjoint(shape.later_than(name))
        for name in waiting
    )


ROW_CLAUSES: Final[tuple[Callable[[Shape, Row], bool], ...]] = (
    s4_a_way_that_is_not_taken_is_left_alone,
    l1_somebody_is_woken_for_what_is_not_at_rest,
    l2_nobody_sleeps_beyond_a_lease_or_a_hint,
    l2_whatever_may_start_is_scheduled,
    s3_completed_means_that_all_succeeded_and_nothing_turned_back,
    s4_compensated_means_that_all_that_may_have_happened_is_undone,
    s5_nothing_goes_on_in_what_is_at_rest,
    s6_failed_on_the_way_back_means_that_all_else_is_undone,
    s7_failed_on_the_way_forward_means_that_nothing_is_undone,
    s8_a_row_reads_back_as_it_was,
)
