"""The first of several waits."""

from typing import Any

import pytest

from sagas import Choice, DefinitionError, FirstOf, Parallel, Saga, Sleep, WaitFor
from sagas.machine import Pause, Resume, Signal, Skip, StepStatus, Verdict, Woken, agrees, fold
from sagas.testing import Conversation
from sagas.whatif.compatibility import at_steps
from sagas.whatif.graph import flowchart
from tests.machine.conversation import BY_ANNA, step, talk

ENDING = FirstOf("ending", WaitFor("cancelled"), WaitFor("left"), Sleep("expired", 100))
WAYS = Choice("how", "ending", {"cancelled": step("c"), "left": step("d")}, step("e"))


def check(saga: Conversation) -> None:
    assert agrees(fold(saga.history), saga.state), "S8"


@pytest.mark.parametrize(("first", "due"), [("cancelled", "c"), ("left", "d")])
def test_the_first_signal_decides(first: str, due: str) -> None:
    saga = talk(ENDING, WAYS)
    assert set(saga.state.current_steps) == {"cancelled", "left", "expired"}
    saga.signal(first, {"n": 1})
    assert saga.state.context == {first: {"n": 1}, "ending": first}
    assert saga.due() == {(due, "action")}
    check(saga)
    saga.pass_time(1000)
    saga.succeed(due)
    assert saga.status == "completed"


def test_the_time_decides_if_no_signal_comes() -> None:
    saga = talk(ENDING, WAYS)
    saga.pass_time(100)
    assert saga.due() == {("e", "action")}
    assert saga.state.context == {"ending": "expired"}


@pytest.mark.parametrize("name", ["cancelled", "left"])
def test_r13_a_signal_after_the_first_is_refused(name: str) -> None:
    saga = talk(ENDING, WAYS)
    saga.pass_time(100)
    decision = saga.tell(Signal(name, {}, "somebody"))
    assert (decision.verdict, decision.events) == (Verdict.REFUSED, ())
    assert "another way" in decision.reason


def test_r13_a_signal_that_came_before_decides_at_once() -> None:
    saga = talk(step("a"), ENDING, WAYS)
    saga.signal("left", {"n": 1})
    saga.succeed("a")
    assert saga.due() == {("d", "action")}
    check(saga)


def test_of_two_that_end_together_the_first_that_is_written_counts() -> None:
    saga = talk(FirstOf("f", Sleep("long", 20), Sleep("short", 10)), step("z"))
    saga.now += (saga.state.step("long").due_at or saga.now) - saga.now
    saga.tell(Woken())
    assert saga.state.context == {"f": "long"}
    assert saga.due() == {("z", "action")}
    check(saga)


def test_the_others_are_withdrawn_and_leave_nothing() -> None:
    saga = talk(ENDING, step("z"))
    saga.signal("left")
    assert saga.state.step("expired").status is StepStatus.PENDING
    assert saga.types().count("step.withdrawn") == 2
    saga.fail("z")
    assert saga.status == "compensated"


def test_s5_a_cancel_withdraws_all_of_them() -> None:
    saga = talk(step("a"), ENDING)
    saga.succeed("a")
    saga.cancel()
    assert saga.due() == {("a", "compensation")}
    assert saga.state.options.choices == {}
    check(saga)


def test_a_wait_that_fails_turns_the_saga_back() -> None:
    saga = talk(step("a"), FirstOf("f", WaitFor("paid", timeout=5), Sleep("s", 10)))
    saga.succeed("a")
    saga.pass_time(5)
    assert saga.due() == {("a", "compensation")}


def test_a_person_who_skips_one_decides() -> None:
    saga = talk(ENDING, WAYS)
    saga.tell(Skip(step="left", changes={"left": "by hand"}, **BY_ANNA))
    assert saga.due() == {("d", "action")}
    check(saga)


def test_it_is_decided_after_a_pause() -> None:
    saga = talk(ENDING, WAYS)
    saga.tell(Pause(**BY_ANNA))
    saga.signal("left")
    assert saga.due() == set()
    assert "another way" in saga.tell(Signal("cancelled", {}, "too late")).reason
    saga.pass_time(1000)
    saga.tell(Resume(**BY_ANNA))
    assert saga.state.context["ending"] == "left"


def test_beside_others_and_within_a_choice() -> None:
    way = Choice("c", "x", {1: [ENDING, step("b")]})
    saga = talk(Parallel(way, step("a")), step("z"), x=1)
    saga.signal("left")
    assert saga.due() == {("a", "action"), ("b", "action")}
    check(saga)


def test_s12_an_execution_that_waits_fits_its_definition() -> None:
    saga = talk(step("a"), ENDING, step("z"))
    saga.succeed("a")
    assert list(at_steps(saga.saga, saga.state, saga.saga.digest)) == []
    saga.signal("left")
    assert list(at_steps(saga.saga, saga.state, saga.saga.digest)) == []
    other = Saga("order", [step("a"), FirstOf("ending", WaitFor("left"), Sleep("s", 1)), step("z")])
    assert other.digest != saga.saga.digest


def test_it_is_drawn() -> None:
    drawn = flowchart(Saga("order", [FirstOf("f", WaitFor("paid"), Sleep("s", until="at"))]))
    assert (
        drawn
        == """\
flowchart TD
    start([start])
    paid(["paid<br>signal"])
    start --> paid
    s(["s<br>sleep until at"])
    start --> s
    paid -->|"first"| done
    s -->|"first"| done
    done([completed])
"""
    )


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda: FirstOf("f", WaitFor("a")), "Give two or more"),
        (lambda: FirstOf("f", WaitFor("a"), step("b")), "Give two or more"),  # type: ignore[arg-type]
        (lambda: FirstOf("f", WaitFor("a"), WaitFor("a")), "Two have one name"),
        (lambda: FirstOf("F", WaitFor("a"), WaitFor("b")), "lower-case"),
        (lambda: FirstOf("attempt", WaitFor("a"), WaitFor("b")), "use another name"),
        (lambda: Saga("o", [ENDING, ENDING]), "steps are named"),
    ],
)
def test_one_that_can_not_work_is_refused(write: Any, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        write()
