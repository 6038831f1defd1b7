"""Faults to sow into the machine's constructs, as in `mutants`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from sagas.machine import (
    ChildCommand,
    Failed,
    FailureKind,
    ParentCommand,
    Reminded,
    Verdict,
    WaitFor,
    attempts,
    progress,
    reminding,
    undoing,
)
from sagas.machine import events as ev
from sagas.machine.states import Direction

Patch = pytest.MonkeyPatch
Sow = Callable[[Patch], None]


def r13_a_wait_never_has_enough(patch: Patch) -> None:
    patch.setattr(WaitFor, "has_enough", lambda wait, came: False)


def s3_a_race_is_decided_by_its_last_member(patch: Patch) -> None:
    def take_last(draft: Any, choice: Any) -> None:
        *_, last = choice.ways
        draft.emit(ev.SagaChose(choice.name, last, {choice.name: last}))

    patch.setattr(progress, "_take_first", take_last)


def s3_a_refusal_is_an_answer_whatever_came_before(patch: Patch) -> None:
    def is_answer(step: Any, fact: Failed) -> bool:
        is_refusal = fact.failure.kind is FailureKind.REJECTED
        return is_refusal and fact.direction is Direction.ACTION

    patch.setattr(attempts, "_is_answer", is_answer)


def s6_all_rounds_are_undone_at_once(patch: Patch) -> None:
    def undo_all(draft: Any, name: str, command: Any = ParentCommand.UNDO) -> None:
        draft.child_commands.append(ChildCommand(name, command))

    patch.setattr(undoing, "undo_newest", undo_all)


def s5_a_saga_turns_back_before_its_children_have_settled(patch: Patch) -> None:
    patch.setattr("sagas.machine.state.ExecutionState.has_settled", True)


def s5_there_is_always_another_reminder(patch: Patch) -> None:
    patch.setattr(reminding, "next_reminder", lambda step, number, now: now + timedelta(minutes=1))


def s5_a_reminder_that_could_not_be_started_does_not_count(patch: Patch) -> None:
    def count_started(draft: Any, fact: Reminded) -> Verdict:
        if fact.failure is None:
            return record(draft, fact)
        number, later = draft.state.step(fact.step).reminded, draft.now + timedelta(minutes=1)
        event = ev.StepReminded(fact.step, Direction.ACTION, number, later, fact.failure)
        draft.emit(event)
        return Verdict.ACCEPTED

    record = reminding.reminded
    patch.setattr(reminding, "reminded", count_started)


CONSTRUCT_MUTANTS: Final[tuple[tuple[Sow, str, int], ...]] = (
    (r13_a_wait_never_has_enough, "(collect)", 0),
    (s3_a_race_is_decided_by_its_last_member, "(first of two)", 0),
    (s3_a_refusal_is_an_answer_whatever_came_before, "(accept)", 2),
    (s6_all_rounds_are_undone_at_once, "(rounds)", 0),
    (s5_there_is_always_another_reminder, "(wait and remind)", 0),
    (s5_a_reminder_that_could_not_be_started_does_not_count, "(wait and remind)", 1),
    (s5_a_saga_turns_back_before_its_children_have_settled, "(saga)", 1),
)
