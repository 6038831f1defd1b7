"""What must hold between the row and what the participants really did."""

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from sagas.machine import ExecutionStatus, StepStatus
from tests.model.clauses import ACTION
from tests.model.family_clauses import FAMILY_WORLD_CLAUSES
from tests.model.rows import Rows
from tests.model.violation import sentence
from tests.model.world import World


def s4_what_happened_or_may_happen_is_known(rows: Rows, world: World) -> bool:
    return not (world.accepted | world.strays) & world.row.unaware_bits


def s3_completed_means_that_each_step_happened_and_stays(rows: Rows, world: World) -> bool:
    if world.row.state.status is not ExecutionStatus.COMPLETED:
        return True
    steps = [name for name in rows.shape.taken(world.row.state) if (name, ACTION) in rows.calls]
    by_status = defaultdict[StepStatus, int](int)
    for name in steps:
        by_status[world.row.state.step(name).status] |= rows.calls[name, ACTION].bit
    return world.accepted & ~rows.idle_bits == by_status[StepStatus.SUCCEEDED] & ~rows.idle_bits


def s4_compensated_means_that_nothing_stands(rows: Rows, world: World) -> bool:
    if world.row.state.status is not ExecutionStatus.COMPENSATED:
        return True
    return not _standing(rows, world)


def s6_failed_on_the_way_back_leaves_only_what_could_not_be_undone(
    rows: Rows, world: World
) -> bool:
    row = world.row
    if row.state.status is not ExecutionStatus.FAILED or not row.past.turned_back:
        return True
    return all(
        row.state.step(name).status is StepStatus.COMPENSATION_FAILED
        for name in _standing(rows, world)
    )


def s7_failed_on_the_way_forward_undoes_nothing(rows: Rows, world: World) -> bool:
    row = world.row
    if row.state.status is not ExecutionStatus.FAILED or row.past.turned_back:
        return True
    return not any(world.accepted & call.undo_bit for call in rows.calls.values())


def _standing(rows: Rows, world: World) -> list[str]:
    """What happened, was not undone, and must not outlive the way back: steps with a compensation,
    and the pivot (S7)."""
    return [
        step.name
        for step in rows.shape.saga.claimed_steps
        if (step.compensation is not None or step in rows.shape.saga.pivots)
        and (call := rows.calls[step.name, ACTION])
        and world.accepted & call.bit
        and not world.accepted & call.undo_bit
    ]


AT_REST_CLAUSES: Final[tuple[Callable[[Rows, World], bool], ...]] = (
    s3_completed_means_that_each_step_happened_and_stays,
    s4_compensated_means_that_nothing_stands,
    s6_failed_on_the_way_back_leaves_only_what_could_not_be_undone,
    s7_failed_on_the_way_forward_undoes_nothing,
)


def broken_truth(rows: Rows, world: World) -> str:
    """The clause that does not hold in `world`; empty if all do."""
    if not s4_what_happened_or_may_happen_is_known(rows, world):
        return sentence(s4_what_happened_or_may_happen_is_known)
    if rows.shape.family is not None:
        for of_family in FAMILY_WORLD_CLAUSES:
            if not of_family(rows.shape, world):
                return sentence(of_family)
    clauses = AT_REST_CLAUSES if world.row.is_at_rest else ()
    return next((sentence(clause) for clause in clauses if not clause(rows, world)), "")
