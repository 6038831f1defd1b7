"""A conversation says what an author's functions came to."""

from typing import Any

import pytest

from sagas import Later, Rejected, Retry, Saga, SagaStep, Unreachable, WaitFor
from sagas.testing import Conversation


def nothing(context: Any) -> None: ...


SHOP = Saga(
    "shop",
    [
        SagaStep("reserve", nothing, nothing),
        WaitFor("paid", timeout=60),
        SagaStep("charge", nothing, nothing, retry=Retry(max_attempts=2, never_on=(KeyError,))),
    ],
)


@pytest.fixture
def paid() -> Conversation:
    saga = Conversation(SHOP)
    saga.succeed("reserve")
    saga.signal("paid")
    return saga


@pytest.mark.parametrize(
    ("error", "undone"),
    [
        (Rejected("no"), {("reserve", "compensation")}),
        (KeyError("price"), {("charge", "compensation")}),
    ],
)
def test_an_error_is_what_it_is_to_a_worker(
    paid: Conversation, error: Exception, undone: Any
) -> None:
    paid.fail("charge", error)
    assert (paid.status, paid.due()) == ("compensating", undone)


def test_attempts_are_counted_by_the_policy(paid: Conversation) -> None:
    for _ in range(3):
        paid.fail("charge", Later("not yet", after=30))
        assert not paid.due()
        paid.pass_time(30)
    paid.fail("charge", Unreachable("away"))
    paid.pass_time(5)
    assert paid.due() == {("charge", "action")}
    paid.fail("charge", Unreachable("away"))
    assert paid.due() == {("reserve", "compensation")}
    paid.succeed("reserve")
    assert (paid.status, paid.statuses()["charge"]) == ("compensated", "failed")


def test_a_wait_ends_by_its_time() -> None:
    saga = Conversation(SHOP)
    saga.succeed("reserve")
    saga.pass_time(59)
    assert saga.statuses()["paid"] == "waiting"
    saga.pass_time(1)
    assert saga.status == "compensating"
    with pytest.raises(AssertionError):
        saga.signal("paid")


def test_a_person_cancels() -> None:
    saga = Conversation(SHOP)
    saga.succeed("reserve")
    saga.cancel()
    assert saga.due() == {("reserve", "compensation")}


def test_what_is_not_due_is_told() -> None:
    with pytest.raises(AssertionError, match=r"charge is not due; due: .*reserve"):
        Conversation(SHOP).succeed("charge")
