"""Faults to sow into the machine, each a small change of what it does: the walk must find them.

A mutant stands between the walk and `decide`, or takes the place of something that `decide` uses.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Final

import pytest

from sagas.machine import (
    Claim,
    Decision,
    Effect,
    ExecutionState,
    ExecutionStatus,
    Failed,
    FailureKind,
    Retry,
    Saga,
    SagaStep,
    StepState,
    StepStatus,
    Succeeded,
    Woken,
    decide,
    operate,
    progress,
    wake_at,
)
from sagas.machine.decision import why_no_way_back
from sagas.machine.failures import EFFECT_OF
from sagas.machine.progress import is_undone
from sagas.machine.traversal import frontier, frontier_back, steps_of
from sagas.machine.tree import Choice
from tests.model.row import is_due

Patch = pytest.MonkeyPatch
Sow = Callable[[Patch], None]
"""Its name begins with the clause that it breaks."""


CALLED: Final = "tests.model.machine.decide"


def _hearing(change: Callable[[ExecutionState, Any], Any]) -> Sow:
    """A machine to which each fact is another."""

    @wraps(change)
    def sow(patch: Patch) -> None:
        patch.setattr(
            CALLED,
            lambda saga, state, fact, now: decide(saga, state, change(state, fact), now),
        )

    return sow


def _answering(change: Callable[[ExecutionState, Any, Decision], Decision]) -> Sow:
    """A machine that answers otherwise."""

    @wraps(change)
    def sow(patch: Patch) -> None:
        patch.setattr(
            CALLED,
            lambda saga, state, fact, now: change(state, fact, decide(saga, state, fact, now)),
        )

    return sow


@_hearing
def s1_reports_count_under_any_fence(state: ExecutionState, fact: Any) -> Any:
    is_report = isinstance(fact, Succeeded | Failed)
    return replace(fact, fence=state.step(fact.step).fence) if is_report else fact


@_hearing
def r1_hints_count_under_any_fence(state: ExecutionState, fact: Any) -> Any:
    is_claim = isinstance(fact, Claim)
    return replace(fact, fence=state.step(fact.step).fence) if is_claim else fact


@_answering
def l2_leases_never_end(state: ExecutionState, fact: Any, decision: Decision) -> Decision:
    ends = isinstance(fact, Woken) and bool(decision.events)
    return replace(decision, state=state, events=(), hints=()) if ends else decision


@_answering
def r2_lost_hints_are_not_repeated(
    state: ExecutionState, fact: Any, decision: Decision
) -> Decision:
    return decision if decision.events else replace(decision, hints=())


@_answering
def l2_what_became_due_is_not_told(
    state: ExecutionState, fact: Any, decision: Decision
) -> Decision:
    return decision if isinstance(fact, Woken) else replace(decision, hints=())


@_answering
def s8_an_event_is_lost(state: ExecutionState, fact: Any, decision: Decision) -> Decision:
    return replace(decision, events=decision.events[1:])


@_answering
def s3_completed_does_not_absorb(state: ExecutionState, fact: Any, decision: Decision) -> Decision:
    if state.status is not ExecutionStatus.COMPLETED or not isinstance(fact, Failed):
        return decision
    return replace(decision, state=replace(decision.state, status=ExecutionStatus.FAILED))


def s13_due_times_are_not_compared(patch: Patch) -> None:
    def hasty(saga: Saga, state: ExecutionState, fact: Any, now: datetime) -> Decision:
        return decide(saga, state, fact, now + timedelta(seconds=isinstance(fact, Claim)))

    patch.setattr(CALLED, hasty)


def s7_the_pivot_is_forgotten(patch: Patch) -> None:
    def forgetful(saga: Saga, state: ExecutionState, fact: Any, now: datetime) -> Decision:
        return decide(_with(saga, pivots=()), state, fact, now)

    patch.setattr(CALLED, forgetful)


def s7_a_cancel_does_not_wait_for_the_pivot(patch: Patch) -> None:
    def hasty(draft: Any) -> str:
        [pivot] = draft.definition.pivots
        is_running = draft.state.step(pivot.name).status is StepStatus.RUNNING
        return "" if is_running else why_no_way_back(draft)

    patch.setattr(operate, "why_no_way_back", hasty)


def r18_attempts_have_no_limit(patch: Patch) -> None:
    def stubborn(saga: Saga, state: ExecutionState, fact: Any, now: datetime) -> Decision:
        steps = {
            step.name: replace(step, retry=Retry(99, backoff=1, jitter=0))
            for step in saga.claimed_steps
        }
        return decide(_with(saga, by_name=steps), state, fact, now)

    patch.setattr(CALLED, stubborn)


def _with(saga: Saga, **fields: Any) -> Saga:
    changed = copy(saga)
    for name, value in fields.items():
        object.__setattr__(changed, name, value)
    return changed


def s6_compensations_run_in_the_written_order(patch: Patch) -> None:
    patch.setattr(progress, "frontier_back", lambda node, settled: frontier(node, settled, {}))


def l2_branches_are_undone_one_at_a_time(patch: Patch) -> None:
    patch.setattr(progress, "frontier_back", lambda *where: frontier_back(*where)[:1])


def s6_steps_do_not_wait_for_those_before_them(patch: Patch) -> None:
    def at_once(node: Any, settled: Any, chosen: Any) -> list[Any]:
        return [step for step in steps_of(node) if step.name not in settled]

    patch.setattr(progress, "frontier", at_once)


def s3_a_choice_takes_nothing(patch: Patch) -> None:
    patch.setattr(Choice, "choose", lambda choice, context: "")


def s4_a_choice_takes_the_last_of_its_ways(patch: Patch) -> None:
    patch.setattr(Choice, "choose", lambda choice, context: [*choice.ways][-1])


def s5_the_turn_back_does_not_wait(patch: Patch) -> None:
    patch.setattr(ExecutionState, "has_settled", True)


def s4_a_refusal_outweighs_a_possible_effect(patch: Patch) -> None:
    patch.setattr(Effect, "or_stronger", lambda effect, other: other)


def s4_what_is_not_known_counts_as_nothing(patch: Patch) -> None:
    patch.setitem(EFFECT_OF, FailureKind.UNKNOWN, Effect.NONE)


def s4_only_what_succeeded_is_undone(patch: Patch) -> None:
    def undone(definition: SagaStep, step: StepState) -> bool:
        return is_undone(definition, step) or step.status is StepStatus.FAILED

    patch.setattr(progress, "is_undone", undone)


def s4_what_was_refused_is_undone_too(patch: Patch) -> None:
    def undone(definition: SagaStep, step: StepState) -> bool:
        return is_undone(definition, replace(step, effect=Effect.APPLIED))

    patch.setattr(progress, "is_undone", undone)


def l1_nobody_is_woken_for_a_lease(patch: Patch) -> None:
    def sleepy(state: ExecutionState, now: datetime, hints_sent: int) -> datetime | None:
        return wake_at(state, now, hints_sent) if any(map(is_due, state.steps.values())) else None

    patch.setattr("tests.model.standing.wake_at", sleepy)


MUTANTS: Final = (
    (s1_reports_count_under_any_fence, "a", 1),
    (r1_hints_count_under_any_fence, "a", 0),
    (l2_leases_never_end, "a", 1),
    (r2_lost_hints_are_not_repeated, "a", 0),
    (l2_what_became_due_is_not_told, "a.b", 0),
    (s8_an_event_is_lost, "a", 0),
    (s3_completed_does_not_absorb, "a", 0),
    (s13_due_times_are_not_compared, "a", 1),
    (r18_attempts_have_no_limit, "a", 2),
    (s7_a_cancel_does_not_wait_for_the_pivot, "A", 1),
    (s7_the_pivot_is_forgotten, "A.b_", 0),
    (s6_compensations_run_in_the_written_order, "a.b.c_", 1),
    (l2_branches_are_undone_one_at_a_time, "[a/b].c", 1),
    (s6_steps_do_not_wait_for_those_before_them, "[a/b].c", 0),
    (s3_a_choice_takes_nothing, "{a|b}", 0),
    (s4_a_choice_takes_the_last_of_its_ways, "a.{b|c}", 0),
    (s5_the_turn_back_does_not_wait, "[a/b]", 1),
    (s4_a_refusal_outweighs_a_possible_effect, "a", 2),
    (s4_what_is_not_known_counts_as_nothing, "a", 1),
    (s4_only_what_succeeded_is_undone, "a:1+2", 1),
    (s4_what_was_refused_is_undone_too, "a", 1),
    (l1_nobody_is_woken_for_a_lease, "a", 0),
)
"""What is sown, the shape that shows it, and how many faults it takes."""
