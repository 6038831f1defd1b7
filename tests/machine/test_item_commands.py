"""What the parent tells an item that it goes on without."""

from dataclasses import replace
from typing import Any

import pytest

from sagas.machine import (
    Failure,
    FailureKind,
    Outcome,
    ParentCommand,
    ParentCommanded,
    Saga,
    Succeeded,
    Verdict,
    fold,
    outcome,
    start,
)
from sagas.machine.events import SagaStarted
from sagas.testing import Conversation
from sagas.testing.conversation import START
from tests.machine.conversation import ACTION, step, talk

REFUSED = Failure(FailureKind.REJECTED, "BadInput", "it is bad")


def item(*steps: Any) -> Conversation:
    """A saga that waits for its parent before it goes back."""
    of = talk(*steps)
    first = of.history[0]
    assert isinstance(first, SagaStarted)
    of.history[0] = replace(first, held=True)
    of.state = replace(of.state, options=replace(of.state.options, held=True))
    return of


def told(of: Conversation, command: ParentCommand) -> Verdict:
    return of.tell(ParentCommanded(command)).verdict


@pytest.mark.parametrize("command", [ParentCommand.RELEASE, ParentCommand.WITHDRAW])
def test_s5_one_that_gave_up_is_let_go(command: ParentCommand) -> None:
    of = item(step("pack"), step("ship"))
    of.succeed("pack")
    of.fail("ship")
    assert of.due() == set()
    assert told(of, command) is Verdict.ACCEPTED
    assert of.due() == {("pack", "compensation")}
    assert told(of, command) is Verdict.REPEATED


def test_one_that_goes_forward_is_withdrawn_and_not_released() -> None:
    of = item(step("pack"), step("ship"))
    of.succeed("pack")
    assert told(of, ParentCommand.RELEASE) is Verdict.REPEATED
    assert of.due() == {("ship", "action")}
    assert told(of, ParentCommand.WITHDRAW) is Verdict.ACCEPTED
    assert of.due() == {("pack", "compensation")}


def test_s5_one_whose_action_runs_is_undone_once_that_has_settled() -> None:
    of = item(step("pack"), step("ship"))
    of.succeed("pack")
    fence = of.claim("ship")
    told(of, ParentCommand.WITHDRAW)
    assert of.due() == set()
    of.tell(Succeeded("ship", ACTION, fence, {}))
    assert of.due() == {("ship", "compensation")}


@pytest.mark.parametrize("command", [ParentCommand.RELEASE, ParentCommand.WITHDRAW])
def test_s3_one_that_has_completed_keeps_its_work(command: ParentCommand) -> None:
    of = item(step("pack"))
    of.succeed("pack")
    assert told(of, command) is Verdict.REPEATED
    assert of.status == "completed"


def test_s7_one_that_is_past_its_pivot_goes_on() -> None:
    of = item(step("pay", pivot=True), step("ship", undo=False))
    of.succeed("pay")
    assert told(of, ParentCommand.WITHDRAW) is Verdict.REFUSED
    assert of.due() == {("ship", "action")}


@pytest.mark.parametrize("held", [True, False])
def test_l4_one_that_is_refused_turns_back_before_it_begins(held: bool) -> None:
    saga = Saga("line", [step("pack")])
    first = SagaStarted("s~lines.0", "line", 1, {}, held=held, forward_only=not held)
    decision = start(saga, first, START, REFUSED)
    assert outcome(saga, decision.state) is (Outcome.GAVE_UP if held else Outcome.UNDONE)
    assert decision.hints == ()
    assert fold(each.event for each in decision.events) == decision.state
