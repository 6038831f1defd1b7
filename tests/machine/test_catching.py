"""Refusals that are an answer, and children that may fail."""

from itertools import chain
from typing import Any

import pytest

from sagas import Choice, DefinitionError, Rejected, Retry, Saga, SubSaga
from sagas.machine import (
    ChildCommand,
    ChildrenMoved,
    ChildrenRefused,
    ExecutionStatus,
    Failed,
    Failure,
    FailureKind,
    Outcome,
    Parallel,
    ParentCommand,
    Pause,
    Present,
    Resume,
    Succeeded,
    agrees,
    fold,
)
from sagas.testing import Conversation
from sagas.whatif import way_back
from tests.machine.conversation import ACTION, BY_ANNA, step, talk


class Declined(Rejected):
    pass


class DeclinedForGood(Declined):
    pass


def card(**options: Any) -> Any:
    return step("card", accept=(Declined,), **options)


def check(saga: Conversation) -> None:
    assert agrees(fold(saga.history), saga.state), "S8"


@pytest.mark.parametrize("error", [Declined("no money"), DeclinedForGood("stolen")])
def test_s3_a_refusal_that_is_accepted_is_an_answer(error: Declined) -> None:
    way = Choice("c", "card_failed", {Present(): step("invoice")}, otherwise=step("ship"))
    saga = talk(step("a"), card(), way)
    saga.succeed("a")
    saga.fail("card", error)
    assert saga.due() == {("invoice", "action")}
    assert saga.state.context == {
        "card_failed": {"error": type(error).__name__, "message": str(error)}
    }
    check(saga)
    saga.succeed("invoice")
    assert saga.status == "completed"


def test_s4_it_is_not_undone() -> None:
    saga = talk(step("a"), card(), step("z"))
    saga.succeed("a")
    saga.fail("card", Declined("no money"))
    saga.fail("z")
    assert saga.due() == {("a", "compensation")}


def test_s4_after_an_unknown_attempt_a_refusal_is_no_answer() -> None:
    saga = talk(step("a"), card(), step("z"))
    saga.succeed("a")
    saga.fail("card", RuntimeError("timed out"))
    saga.pass_time(2)
    saga.fail("card", Declined("no money"))
    assert saga.due() == {("card", "compensation")}


@pytest.mark.parametrize("error", [Rejected("no"), RuntimeError("down"), ValueError("x")])
def test_other_errors_are_failures(error: Exception) -> None:
    saga = talk(step("a"), card(retry=Retry(1)), step("z"))
    saga.succeed("a")
    saga.fail("card", error)
    assert saga.status == "compensating"


def test_s5_a_refusal_after_the_turn_settles_the_step() -> None:
    saga = talk(step("a"), card())
    saga.succeed("a")
    fence = saga.claim("card")
    saga.cancel()
    failure = Failure(FailureKind.REJECTED, "Declined", "no money")
    saga.tell(Failed("card", ACTION, fence, failure, accepted=True))
    assert saga.due() == {("a", "compensation")}
    check(saga)


def test_s7_after_the_pivot_it_may_be_refused() -> None:
    saga = talk(step("p", pivot=True), card(undo=False), step("z", undo=False))
    saga.succeed("p")
    saga.fail("card", Declined("no money"))
    assert saga.due() == {("z", "action")}


# --- A child that may fail ------------------------------------------------------------------------

GAVE_UP = Failure(FailureKind.REJECTED, "ChildrenGaveUp", "It gave up: b (Rejected: no).")


def tried(**options: Any) -> Conversation:
    saga = talk(step("a"), SubSaga("trip", on_failure="continue", **options), step("z"))
    saga.succeed("a")
    return saga


def hears(saga: Conversation, **change: int) -> list[ChildCommand]:
    """What the parent tells its child, once it hears of it."""
    told = {Outcome(name): number for name, number in change.items()}
    failure = GAVE_UP if change.get("gave_up", 0) > 0 else None
    decision = saga.tell(ChildrenMoved("trip", told, failure=failure))
    check(saga)
    return list(decision.child_commands)


UNDO = ChildCommand("trip", ParentCommand.UNDO)


def test_s4_a_child_that_gave_up_is_undone_first() -> None:
    saga = tried()
    assert UNDO in hears(saga, gave_up=1)
    assert saga.due() == set()
    assert saga.status == "running"
    hears(saga, gave_up=-1, undone=1)
    assert saga.due() == {("z", "action")}
    assert saga.state.context == {
        "trip_failed": {"error": "ChildrenGaveUp", "message": GAVE_UP.message}
    }
    saga.succeed("z")
    assert saga.status == "completed"


def test_s4_it_is_not_undone_again() -> None:
    saga = tried()
    hears(saga, gave_up=1)
    hears(saga, gave_up=-1, undone=1)
    saga.fail("z")
    assert saga.due() == {("a", "compensation")}


def test_a_child_that_does_well_is_as_ever() -> None:
    saga = tried()
    hears(saga, completed=1)
    assert saga.due() == {("z", "action")}
    saga.fail("z")
    assert saga.state.step("trip").status == "compensating"


def test_s6_one_that_can_not_be_undone_waits_for_a_person() -> None:
    saga = tried()
    hears(saga, gave_up=1)
    hears(saga, gave_up=-1, stuck=1)
    assert saga.state.status is ExecutionStatus.RUNNING
    assert saga.due() == set()
    hears(saga, stuck=-1, undone=1)
    assert saga.due() == {("z", "action")}


@pytest.mark.parametrize("stuck", [False, True])
def test_s5_a_cancel_while_it_is_undone(stuck: bool) -> None:
    saga = tried()
    hears(saga, gave_up=1)
    if stuck:
        hears(saga, gave_up=-1, stuck=1)
    commands = saga.cancel().child_commands
    assert ChildCommand("trip", ParentCommand.RETRY if stuck else ParentCommand.UNDO) in commands
    hears(saga, **({"undone": 1} if stuck else {"gave_up": -1, "undone": 1}))
    assert saga.due() == {("a", "compensation")}


@pytest.mark.parametrize("undone_first", [True, False])
def test_s5_what_is_undone_while_the_saga_turns_back_is_heard(undone_first: bool) -> None:
    saga = talk(Parallel(SubSaga("trip", on_failure="continue"), step("b")), step("z"))
    fence = saga.claim("b")
    hears(saga, gave_up=1)
    saga.cancel()
    if undone_first:
        hears(saga, gave_up=-1, undone=1)
    saga.tell(Succeeded("b", ACTION, fence, {}))
    check(saga)
    if not undone_first:
        assert saga.due() == set(), "the child is waited for"
        hears(saga, gave_up=-1, undone=1)
    assert saga.due() == {("b", "compensation")}
    saga.succeed("b")
    assert saga.status == "compensated"


def test_s6_a_person_may_help_before_the_way_back_comes_to_it() -> None:
    saga = talk(Parallel(SubSaga("trip", on_failure="continue"), step("b")), step("z"))
    fence = saga.claim("b")
    hears(saga, gave_up=1)
    hears(saga, gave_up=-1, stuck=1)
    saga.cancel()
    hears(saga, stuck=-1, undone=1)
    saga.tell(Succeeded("b", ACTION, fence, {}))
    assert saga.due() == {("b", "compensation")}
    saga.succeed("b")
    assert saga.status == "compensated"
    check(saga)


HEARD: list[list[dict[str, int]]] = [
    [],
    [{"gave_up": 1}],
    [{"gave_up": 1}, {"gave_up": -1, "stuck": 1}],
    [{"gave_up": 1}, {"gave_up": -1, "undone": 1}],
]
"""How a child that may fail comes to its end."""


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("heard", HEARD)
def test_the_preview_waits_for_the_child_and_then_undoes_the_rest(
    heard: list[dict[str, int]], paused: bool, cancelled: bool
) -> None:
    saga = tried()
    for change in heard:
        hears(saga, **change)
    if paused:
        saga.tell(Pause(**BY_ANNA))
    if cancelled:
        saga.cancel()
    stages = way_back(saga.saga, saga.state, saga.now).stages
    assert stages[-1:] == (("a",),)
    assert [*chain(*stages)].count("trip") <= 1


def test_nothing_is_undone_while_it_is_paused() -> None:
    saga = tried()
    saga.tell(Pause(**BY_ANNA))
    assert UNDO not in hears(saga, gave_up=1)
    assert UNDO in saga.tell(Resume(**BY_ANNA)).child_commands
    check(saga)


def test_one_that_could_not_be_started_has_failed() -> None:
    saga = tried()
    saga.tell(ChildrenRefused("trip", 1, Failure(FailureKind.REJECTED, "BadInput", "no list")))
    assert saga.due() == {("z", "action")}
    assert saga.state.context["trip_failed"]["message"] == "no list"
    check(saga)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda: step("a", accept=Declined), "accept is"),
        (lambda: step("a", accept=(ValueError,)), "subclasses of Rejected"),
        (lambda: step("a", accept=["x"]), "Use a tuple"),
        (lambda: Saga("o", [SubSaga("t", on_failure="stop")]), "on_failure is 'stop'"),  # type: ignore[arg-type]
    ],
)
def test_what_can_not_work_is_refused(write: Any, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        write()
