"""Steps that are repeated, in rounds of their own, until the context says so."""

from typing import Any

import pytest

from sagas import (
    Between,
    Parallel,
    Present,
)
from sagas.machine import (
    Amend,
    ChildrenRefused,
    Failure,
    FailureKind,
    Pause,
    Resume,
    Start,
    TryAgain,
    Verdict,
    agrees,
    fold,
)
from sagas.machine.facts import Skip, Succeeded
from sagas.testing import Conversation
from tests.machine.conversation import ACTION, BY_ANNA, step, talk
from tests.machine.rounds import GAVE_UP, collect, hears, repeated, told


def test_a_round_follows_until_the_context_says_so() -> None:
    saga = talk(collect(), step("z"))
    [first] = [each for each in saga.history if each.type == "step.children"]
    assert saga.state.step("collect").children is not None
    assert first.started == 1  # type: ignore[union-attr]
    assert hears(saga, {"tries": 1}, completed=1) == ([1], [])
    assert saga.state.context == {"tries": 1}
    assert hears(saga, {"tries": 2, "paid": True}, completed=1) == ([], [])
    assert saga.state.context == {"tries": 2, "paid": True}
    assert saga.due() == {("z", "action")}
    children = saga.state.step("collect").children
    assert children is not None
    assert (children.started, children.total) == (2, 2)
    saga.succeed("z")
    assert saga.status == "completed"


@pytest.mark.parametrize(
    ("until", "context", "is_over"),
    [
        ("paid", {"paid": True}, True),
        ("paid", {"paid": 0}, False),
        ("card.paid", {"card": {"paid": "yes"}}, True),
        ({"reading.level": Between(at_least=5)}, {"reading": {"level": 5}}, True),
        ({"reading.level": Between(at_least=5)}, {"reading": {"level": 4.9}}, False),
        ({"state": "done", "n": Present()}, {"state": "done"}, False),
        ({"state": "done", "n": Present()}, {"state": "done", "n": 0}, True),
        ({"gone": None}, {"gone": None}, True),
    ],
)
def test_what_ends_it(until: Any, context: dict[str, Any], is_over: bool) -> None:
    saga = repeated(until=until)
    starts, _ = hears(saga, context, completed=1)
    assert starts == ([] if is_over else [1])


def test_s3_after_the_last_round_the_step_fails() -> None:
    saga = repeated(most=2)
    hears(saga, {"n": 1}, completed=1)
    starts, commands = hears(saga, {"n": 2}, completed=1)
    assert (starts, saga.status) == ([], "compensating")
    assert commands == told("undo", 1)
    failure = saga.state.step("collect").failure
    assert failure is not None
    assert failure.message == "After 2 rounds it is still not so: paid."
    assert saga.state.context == {"n": 2}


def test_or_the_saga_goes_on() -> None:
    saga = repeated(most=1, on_most="continue")
    hears(saga, {"n": 1}, completed=1)
    assert saga.due() == {("z", "action")}
    assert saga.state.context == {"n": 1}


def test_s6_the_rounds_are_undone_newest_first() -> None:
    saga = repeated()
    hears(saga, completed=1)
    hears(saga, completed=1)
    hears(saga, {"paid": 1}, completed=1)
    assert told("undo", 2)[0] in saga.fail("z").child_commands
    assert hears(saga, completed=-1, undone=1) == ([], told("undo", 1))
    assert hears(saga, completed=-1, undone=1) == ([], told("undo", 0))
    assert saga.due() == set()
    hears(saga, completed=-1, undone=1)
    assert saga.due() == {("a", "compensation")}


def test_s3_a_round_that_gives_up_fails_the_step() -> None:
    saga = repeated()
    hears(saga, completed=1)
    _, commands = hears(saga, gave_up=1)
    assert saga.status == "compensating"
    assert commands == told("halt", None) + told("undo", 1)
    assert saga.state.step("collect").failure == GAVE_UP
    assert hears(saga, gave_up=-1, undone=1) == ([], told("undo", 0))
    hears(saga, completed=-1, undone=1)
    assert saga.due() == {("a", "compensation")}


def test_s6_a_round_that_can_not_be_undone_holds_up_no_other() -> None:
    saga = repeated()
    hears(saga, completed=1)
    hears(saga, {"paid": 1}, completed=1)
    saga.fail("z")
    assert hears(saga, completed=-1, stuck=1) == ([], told("undo", 0))
    hears(saga, completed=-1, undone=1)
    assert saga.state.step("collect").status == "compensation_failed"
    saga.succeed("a")
    assert saga.status == "failed"
    again = saga.tell(TryAgain(step="collect", **BY_ANNA))
    assert [*again.child_commands] == told("retry", None)
    hears(saga, undone=1)
    assert saga.status == "compensated"


def test_s6_a_person_may_put_a_round_right_while_others_are_undone() -> None:
    saga = repeated()
    for paid in (0, 0, 1):
        hears(saga, {"paid": paid}, completed=1)
    saga.fail("z")
    assert hears(saga, completed=-1, stuck=1) == ([], told("undo", 1))
    assert hears(saga, stuck=-1, undone=1) == ([], []), "the next was told already"
    assert hears(saga, completed=-1, undone=1) == ([], told("undo", 0))


def test_s5_a_cancel_waits_for_the_round() -> None:
    saga = repeated()
    hears(saga, completed=1)
    assert told("halt", None)[0] in saga.cancel().child_commands
    assert saga.due() == set()
    assert hears(saga, {"paid": True}, completed=1) == ([], told("undo", 1))


def test_while_it_is_paused_nothing_is_decided() -> None:
    saga = repeated()
    saga.tell(Pause(**BY_ANNA))
    assert hears(saga, {"paid": True}, completed=1) == ([], [])
    assert saga.state.context == {"paid": True}
    assert saga.tell(Amend(changes={"paid": False}, **BY_ANNA)).verdict is Verdict.ACCEPTED
    assert saga.tell(Resume(**BY_ANNA)).starts == (Start("collect", 1, 1),)


def test_amending_the_key_between_rounds_ends_it() -> None:
    saga = repeated()
    saga.tell(Pause(**BY_ANNA))
    hears(saga, {"paid": False}, completed=1)
    saga.tell(Amend(changes={"paid": True}, **BY_ANNA))
    saga.tell(Resume(**BY_ANNA))
    assert saga.due() == {("z", "action")}
    assert agrees(fold(saga.history), saga.state), "S8"


def test_a_resume_while_a_round_is_at_work_starts_no_other() -> None:
    saga = repeated()
    saga.tell(Pause(**BY_ANNA))
    assert saga.tell(Resume(**BY_ANNA)).starts == ()


def test_s5_a_cancel_between_rounds() -> None:
    saga = repeated()
    saga.tell(Pause(**BY_ANNA))
    hears(saga, completed=1)
    saga.cancel()
    assert told("undo", 0)[0] in saga.tell(Resume(**BY_ANNA)).child_commands


def test_while_it_is_paused_no_further_round_is_undone() -> None:
    saga = repeated()
    hears(saga, completed=1)
    hears(saga, {"paid": 1}, completed=1)
    saga.fail("z")
    saga.tell(Pause(**BY_ANNA))
    assert hears(saga, completed=-1, undone=1) == ([], [])
    assert told("undo", 0)[0] in saga.tell(Resume(**BY_ANNA)).child_commands


def test_it_can_be_skipped_before_its_turn_but_not_at_work() -> None:
    saga = talk(step("a"), collect(), step("z"))
    saga.tell(Skip(step="collect", changes={"paid": True}, **BY_ANNA))
    saga.succeed("a")
    assert saga.due() == {("z", "action")}
    other = repeated()
    assert other.tell(Skip(step="collect", **BY_ANNA)).verdict is Verdict.REFUSED


def test_s10_rounds_and_a_branch_beside_them_write_other_keys() -> None:
    saga = talk(Parallel(collect(), step("b")), step("z"))
    fence = saga.claim("b")
    assert hears(saga, {"n": 1}, completed=1) == ([1], [])
    saga.tell(Succeeded("b", ACTION, fence, {"n": 2}))
    assert saga.status == "compensating"
    other = talk(Parallel(collect(), step("b")), step("z"))
    other.succeed("b", n=2)
    hears(other, {"n": 1}, completed=1)
    failure = other.state.step("collect").failure
    assert failure is not None
    assert failure.error == "ContextConflict"


def test_l4_a_round_that_could_not_begin_fails_the_step() -> None:
    saga = repeated()
    hears(saga, completed=1)
    refused = Failure(FailureKind.REJECTED, "BadInput", "too long")
    saga.tell(ChildrenRefused("collect", 1, refused))
    assert saga.status == "compensating"
    assert hears(saga, completed=-1, undone=1) == ([], [])
    assert saga.due() == {("a", "compensation")}


# --- After the pivot ------------------------------------------------------------------------------


def past_pivot(**options: Any) -> Conversation:
    rounds = collect(step("card", undo=False), on_most="continue", **options)
    saga = talk(step("p", pivot=True), rounds, step("z", undo=False))
    saga.succeed("p")
    return saga


def test_s7_after_the_pivot_a_round_that_could_not_begin_is_tried_again() -> None:
    saga = past_pivot()
    hears(saga, {"n": 1}, completed=1)
    saga.tell(ChildrenRefused("collect", 1, Failure(FailureKind.REJECTED, "BadInput", "long")))
    assert saga.status == "failed"
    again = saga.tell(TryAgain(**BY_ANNA))
    assert told("report", None)[0] in again.child_commands
    assert hears(saga, completed=1) == ([1], []), "the first tells anew, and the second begins"
    children = saga.state.step("collect").children
    assert children is not None
    assert (children.started, children.total) == (2, 2)


def test_what_a_person_amended_outlasts_what_rounds_tell_anew() -> None:
    saga = past_pivot()
    hears(saga, {"n": 1}, completed=1)
    saga.tell(ChildrenRefused("collect", 1, Failure(FailureKind.REJECTED, "BadInput", "long")))
    saga.tell(Amend(changes={"paid": True}, **BY_ANNA))
    saga.tell(TryAgain(**BY_ANNA))
    hears(saga, completed=1)
    assert saga.due() == {("z", "action")}


def test_s7_the_rounds_steps_are_patient_there() -> None:
    [rounds] = past_pivot().saga.item_sagas
    assert rounds.after_pivot == {"card"}
