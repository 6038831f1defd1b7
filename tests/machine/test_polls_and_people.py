"""Polls, and what people and dying workers do to them."""

import pytest

from sagas import Later, Poll, Retry, Saga
from sagas.machine import (
    Direction,
    ExecutionStatus,
    Failed,
    Failure,
    FailureKind,
    Lost,
    Parallel,
    Pause,
    Progress,
    Resume,
    Skip,
    StepStatus,
    TryAgain,
    Verdict,
)
from sagas.testing import Conversation
from sagas.whatif import way_back
from tests.machine.conversation import ACTION, BY_ANNA, failure, nothing, step, talk
from tests.machine.test_polls import ask, check, poll


def test_s5_a_cancel_waits_for_an_ask_that_is_under_way() -> None:
    saga = talk(step("a"), poll())
    saga.succeed("a")
    ask(saga)
    saga.pass_time(67)
    fence = saga.claim("job")
    saga.cancel()
    assert saga.due() == set()
    check(saga)
    saga.tell(Failed("job", ACTION, fence, failure(FailureKind.LATER)))
    assert saga.due() == {("a", "compensation")}
    check(saga)


def test_s4_a_cancel_between_two_asks_undoes_what_came_before() -> None:
    saga = talk(step("a"), poll())
    saga.succeed("a")
    ask(saga)
    assert way_back(saga.saga, saga.state, saga.now).stages == (("a",),)
    saga.cancel()
    assert saga.due() == {("a", "compensation")}
    assert saga.types()[-4:-1] == ["saga.compensating", "step.asked", "step.withdrawn"]
    check(saga)


@pytest.mark.parametrize("progress", list(Progress))
def test_l2_a_death_while_it_asks(progress: Progress) -> None:
    saga = talk(poll())
    fence = saga.claim("job")
    saga.tell(Lost("job", ACTION, fence, "worker", progress))
    check(saga)
    assert saga.state.step("job").status is StepStatus.SCHEDULED
    saga.pass_time(70)
    saga.succeed("job")
    assert saga.status == "completed"


def test_l2_an_ask_whose_lease_ends_is_made_again() -> None:
    saga = talk(poll())
    saga.claim("job")
    saga.pass_time(36)
    assert saga.state.step("job").failure is not None
    saga.pass_time(2)
    assert saga.due() == {("job", "action")}
    check(saga)


def test_people_may_hurry_skip_and_pause_it() -> None:
    saga = talk(poll(), step("z"))
    ask(saga)
    assert saga.tell(TryAgain(step="job", **BY_ANNA)).verdict is Verdict.ACCEPTED
    assert saga.due() == {("job", "action")}
    check(saga)
    ask(saga)
    saga.tell(Pause(**BY_ANNA))
    saga.pass_time(100)
    assert saga.due() == set()
    saga.tell(Resume(**BY_ANNA))
    assert saga.due() == {("job", "action")}
    saga.tell(Skip(step="job", changes={"result": "by hand"}, **BY_ANNA))
    assert saga.due() == {("z", "action")}
    check(saga)


def test_two_polls_beside_each_other() -> None:
    other = Poll("other", nothing, every=10)
    saga = talk(Parallel(poll(), other), step("z"))
    ask(saga)
    saga.fail("other", Later())
    saga.pass_time(11)
    assert saga.due() == {("other", "action")}
    saga.succeed("other")
    check(saga)
    saga.pass_time(60)
    saga.succeed("job")
    assert saga.due() == {("z", "action")}
    check(saga)


def test_it_starts_anew_after_a_person_retried_it() -> None:
    saga = Conversation(Saga("order", [step("p", pivot=True), poll(retry=Retry(2, backoff=0))]))
    saga.succeed("p")
    ask(saga)
    saga.pass_time(67)
    saga.fail("job", RuntimeError("it is down"))
    saga.pass_time(1)
    saga.fail("job", RuntimeError("it is down"))
    assert saga.state.status is ExecutionStatus.FAILED
    saga.tell(TryAgain(step="job", **BY_ANNA))
    ask(saga)
    saga.pass_time(67)
    saga.succeed("job")
    assert saga.status == "completed"
    check(saga)


def test_what_is_stored_reads_back_as_it_was() -> None:
    saga = talk(poll())
    ask(saga)
    kept = saga.state.step("job")
    assert type(kept).from_json(kept.to_json()) == kept
    options = saga.state.options
    assert type(options).from_json(options.to_json()) == options
    assert options.asked == 2


def test_the_kind_of_a_failure_stays_what_it_is() -> None:
    saga = talk(poll())
    fence = saga.claim("job")
    saga.tell(Failed("job", Direction.ACTION, fence, Failure(FailureKind.UNREACHABLE, "E", "x")))
    assert saga.types()[-2:] == ["step.asked", "step.retrying"]
    check(saga)
