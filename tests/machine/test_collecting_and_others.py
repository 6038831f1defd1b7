"""A wait for many signals: its time, people, and what stands beside it."""

from typing import Any

import pytest

from sagas import Choice, FirstOf, Parallel, Sleep, WaitFor
from sagas.machine import Amend, Pause, Resume, Skip, TryAgain, Verdict
from tests.machine.collecting import DELIVERED, MOVING, UPDATES, check, refusal, send
from tests.machine.conversation import BY_ANNA, step, talk

# --- The time, and people -------------------------------------------------------------------------


@pytest.mark.parametrize("payloads", [[], [MOVING]])
def test_what_has_come_is_kept_when_the_time_is_over(payloads: list[Any]) -> None:
    saga = talk(WaitFor("bid", timeout=10, on_timeout="continue", collect=True), step("a"))
    for payload in payloads:
        send(saga, payload, name="bid")
    saga.pass_time(10)
    check(saga)
    assert saga.due() == {("a", "action")}
    assert saga.state.context == {"bid": payloads}
    assert "is over" in refusal(saga, MOVING, name="bid")


def test_a_wait_that_has_not_enough_in_time_fails_and_says_how_many_came() -> None:
    saga = talk(step("a"), WaitFor("bid", timeout=10, collect=True, most=3))
    saga.succeed("a")
    send(saga, 1, name="bid")
    saga.pass_time(10)
    assert saga.due() == {("a", "compensation")}
    failed = saga.state.step("bid").failure
    assert failed is not None
    assert (failed.error, "1 came within 10" in failed.message) == ("SignalTimeout", True)
    assert "waits for nothing" in refusal(saga, 2, name="bid")


def test_s10_a_list_whose_key_a_branch_wrote_is_kept_for_who_skips_the_wait() -> None:
    pivot = step("p", pivot=True)
    saga = talk(pivot, Parallel(step("x", undo=False), UPDATES), step("b", undo=False))
    saga.succeed("p")
    send(saga, MOVING)
    saga.succeed("x", update="in its place")
    send(saga, DELIVERED)
    assert saga.status == "failed", "S10"
    assert saga.state.options.collected == {"update": [MOVING, DELIVERED]}
    saga.tell(Skip(step="update", changes={}, **BY_ANNA))
    check(saga)
    assert saga.state.context["update"] == [MOVING, DELIVERED]
    assert saga.due() == {("b", "action")}


def test_a_wait_that_failed_goes_on_with_what_it_has() -> None:
    times: dict[str, Any] = {"timeout": "wait", "on_timeout": "continue"}
    saga = talk(step("p", pivot=True), WaitFor("bid", collect=True, most=2, **times))
    send(saga, 1, name="bid")
    saga.succeed("p")
    assert saga.status == "failed", "NoTime"
    saga.tell(Amend(changes={"wait": 10}, **BY_ANNA))
    saga.tell(TryAgain(step="bid", **BY_ANNA))
    send(saga, 2, name="bid")
    assert (saga.status, saga.state.context["bid"]) == ("completed", [1, 2])


def test_in_a_pause_signals_are_collected_and_the_last_ends_the_wait() -> None:
    saga = talk(UPDATES, step("a"))
    saga.tell(Pause(**BY_ANNA))
    send(saga, MOVING)
    send(saga, DELIVERED)
    assert saga.due() == set()
    saga.tell(Resume(**BY_ANNA))
    check(saga)
    assert saga.due() == {("a", "action")}


@pytest.mark.parametrize("reached", [True, False])
@pytest.mark.parametrize(
    ("changes", "context"), [({}, {"update": [MOVING]}), ({"update": []}, {"update": []})]
)
def test_a_person_who_skips_the_wait_keeps_what_has_come(
    reached: bool, changes: dict[str, Any], context: dict[str, Any]
) -> None:
    saga = talk(*([] if reached else [step("z")]), UPDATES, step("a"))
    send(saga, MOVING, "evt-1")
    saga.tell(Skip(step="update", changes=changes, **BY_ANNA))
    check(saga)
    assert (saga.state.context, saga.state.options.collected) == (context, {})
    assert "is over" in refusal(saga, MOVING)
    assert send(saga, MOVING, "evt-1") is Verdict.REPEATED


def test_s5_a_cancel_ends_it() -> None:
    saga = talk(step("a"), UPDATES)
    saga.succeed("a")
    send(saga, MOVING)
    saga.cancel()
    check(saga)
    assert "waits for nothing" in refusal(saga, DELIVERED)
    saga.succeed("a")
    assert (saga.status, saga.state.context) == ("compensated", {})


def test_try_again_does_not_end_it() -> None:
    saga = talk(UPDATES)
    send(saga, MOVING)
    assert saga.tell(TryAgain(step="update", **BY_ANNA)).verdict is Verdict.REFUSED


# --- Beside others, and among them ----------------------------------------------------------------


def test_in_a_first_of_the_last_signal_decides() -> None:
    saga = talk(FirstOf("ending", UPDATES, WaitFor("lost"), Sleep("late", 100)), step("a"))
    send(saga, MOVING)
    send(saga, DELIVERED)
    assert saga.state.context == {"ending": "update", "update": [MOVING, DELIVERED]}
    assert saga.due() == {("a", "action")}


@pytest.mark.parametrize("payloads", [[], [MOVING]])
def test_in_a_first_of_what_has_come_is_kept_if_another_one_decides(payloads: list[Any]) -> None:
    saga = talk(FirstOf("ending", UPDATES, WaitFor("lost"), Sleep("late", 100)), step("a"))
    for payload in payloads:
        send(saga, payload)
    saga.pass_time(100)
    check(saga)
    assert saga.state.context == {"ending": "late", "update": payloads}
    assert saga.state.options.collected == {}
    assert "another way" in refusal(saga, MOVING)


def test_r13_in_a_first_of_early_signals_decide_at_once() -> None:
    saga = talk(step("z"), FirstOf("ending", UPDATES, Sleep("late", 100)), step("a"))
    send(saga, DELIVERED)
    saga.succeed("z")
    check(saga)
    assert saga.state.context == {"ending": "update", "update": [DELIVERED]}


def test_two_waits_side_by_side_collect_each_its_own() -> None:
    saga = talk(Parallel(UPDATES, WaitFor("bid", collect=True, most=2)), step("a"))
    send(saga, 1, "evt-1", "bid")
    send(saga, DELIVERED, "evt-1")
    send(saga, 2, "evt-2", "bid")
    assert saga.state.context == {"update": [DELIVERED], "bid": [1, 2]}
    assert saga.due() == {("a", "action")}


def test_on_a_way_that_is_not_taken_nothing_is_collected() -> None:
    saga = talk(step("z"), Choice("c", "x", {1: UPDATES}, otherwise=step("a")), x=2)
    send(saga, MOVING)
    saga.succeed("z")
    assert "another way" in refusal(saga, DELIVERED)
    assert "update" not in saga.state.context
