"""A wait for many signals of one name, and signals that have a key."""

from typing import Any

import pytest

from sagas import Between, DefinitionError, Present, Saga, WaitFor
from sagas.machine import Amend, Pause, Signal, Verdict
from sagas.whatif.compatibility import at_steps
from sagas.whatif.graph import flowchart
from tests.machine.collecting import DELIVERED, MOVING, UPDATES, check, refusal, send
from tests.machine.conversation import BY_ANNA, step, talk


def test_signals_are_collected_until_one_agrees() -> None:
    saga = talk(UPDATES, step("a"))
    for payload in (MOVING, {"status": "at the door"}):
        assert send(saga, payload) is Verdict.ACCEPTED
        assert (saga.due(), saga.state.context) == (set(), {})
    send(saga, DELIVERED)
    assert saga.due() == {("a", "action")}
    assert saga.state.context == {"update": [MOVING, {"status": "at the door"}, DELIVERED]}
    assert saga.state.options.collected == {}


def test_the_wait_ends_once_most_have_come() -> None:
    saga = talk(UPDATES, step("a"))
    for number in range(4):
        assert saga.due() == set()
        send(saga, number)
    assert saga.due() == {("a", "action")}
    assert saga.state.context == {"update": [0, 1, 2, 3]}


def test_without_most_a_hundred_are_enough() -> None:
    wait = WaitFor("update", collect=True)
    assert not wait.has_enough([None] * 99)
    assert wait.has_enough([None] * 100)
    assert not wait.has_enough([])


@pytest.mark.parametrize(
    ("until", "payload", "ends"),
    [
        ({"a": 1}, {"a": 1.0, "b": 2}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, [1], False),
        ({"a": 1}, None, False),
        ({"a.b": "x", "c": None}, {"a": {"b": "x"}, "c": None}, True),
        ({"a.b": "x", "c": None}, {"a": {"b": "x"}}, False),
        ({"a.b": "x", "c": None}, {"a": {"b": "y"}, "c": None}, False),
        ({"n": Between(at_least=3)}, {"n": 3}, True),
        ({"n": Between(at_least=3)}, {"n": 2}, False),
        ({"n": Present()}, {"n": 0}, True),
        ({"n": Present()}, {"n": None}, False),
    ],
)
def test_every_path_of_until_has_to_agree(until: Any, payload: object, ends: bool) -> None:
    saga = talk(WaitFor("update", collect=True, until=until), step("a"))
    send(saga, payload)
    assert bool(saga.due()) is ends


def test_r13_signals_before_the_wait_are_kept_and_count() -> None:
    saga = talk(step("a"), UPDATES, step("b"))
    send(saga, MOVING)
    saga.succeed("a")
    assert saga.due() == set()
    send(saga, DELIVERED)
    assert saga.due() == {("b", "action")}
    assert saga.state.context == {"update": [MOVING, DELIVERED]}


@pytest.mark.parametrize("payloads", [[MOVING, DELIVERED], [1, 2, 3, 4]])
def test_r13_when_enough_came_before_the_wait_is_over_at_once(payloads: list[Any]) -> None:
    saga = talk(step("a"), UPDATES, step("b"))
    for payload in payloads:
        send(saga, payload)
    assert "are all it waits for" in refusal(saga, MOVING)
    saga.succeed("a")
    check(saga)
    assert saga.due() == {("b", "action")}
    assert saga.state.context == {"update": payloads}


def test_r13_a_signal_after_the_last_is_refused() -> None:
    saga = talk(UPDATES, step("a"))
    send(saga, DELIVERED)
    assert "is over" in refusal(saga, MOVING)


def test_the_same_payload_without_a_key_is_another_signal() -> None:
    saga = talk(UPDATES)
    send(saga, MOVING)
    send(saga, MOVING)
    assert saga.state.options.collected == {"update": [MOVING, MOVING]}


@pytest.mark.parametrize("reached", [True, False])
def test_r13_a_key_counts_once(reached: bool) -> None:
    saga = talk(*([] if reached else [step("z")]), UPDATES, step("a"))
    send(saga, MOVING, "evt-1")
    send(saga, MOVING, "evt-2")
    before = saga.state
    assert send(saga, MOVING, "evt-1") is Verdict.REPEATED
    assert saga.state == before
    assert "key 'evt-1' came before, with another payload" in refusal(saga, DELIVERED, "evt-1")
    send(saga, DELIVERED, "evt-3")
    if not reached:
        saga.succeed("z")
    assert saga.state.context == {"update": [MOVING, MOVING, DELIVERED]}


def test_r13_a_key_is_known_after_the_wait_too() -> None:
    saga = talk(UPDATES, step("a"))
    send(saga, MOVING, "evt-1")
    send(saga, DELIVERED, "evt-2")
    saga.succeed("a")
    assert saga.status == "completed"
    assert send(saga, MOVING, "evt-1") is Verdict.REPEATED
    assert "another payload" in refusal(saga, MOVING, "evt-2")
    assert "waits for nothing" in refusal(saga, MOVING, "evt-3")


@pytest.mark.parametrize("reached", [True, False])
def test_r13_a_key_of_a_wait_for_one_signal(reached: bool) -> None:
    saga = talk(*([] if reached else [step("z")]), WaitFor("paid"), step("a"))
    send(saga, 5, "evt-1", "paid")
    assert send(saga, 5, "evt-1", "paid") is Verdict.REPEATED
    assert send(saga, 5, "", "paid") is Verdict.REPEATED
    assert "another payload" in refusal(saga, 6, "evt-1", "paid")
    assert "another key" in refusal(saga, 5, "evt-2", "paid")
    assert "another payload" in refusal(saga, 6, "", "paid")


def test_r13_a_key_outlives_what_a_person_makes_of_the_payload() -> None:
    saga = talk(WaitFor("paid"), step("a"))
    send(saga, 5, "evt-1", "paid")
    saga.tell(Pause(**BY_ANNA))
    saga.tell(Amend(changes={"paid": 6}, **BY_ANNA))
    assert send(saga, 5, "evt-1", "paid") is Verdict.REPEATED


def test_r6_a_call_without_a_key_that_is_repeated_counts_once() -> None:
    saga = talk(UPDATES)
    fact = Signal("update", MOVING, "the carrier", call="call-1")
    assert saga.tell(fact).verdict is Verdict.ACCEPTED
    assert saga.tell(fact).verdict is Verdict.REPEATED
    check(saga)
    assert saga.state.options.collected == {"update": [MOVING]}


def test_a_call_names_no_signal_of_a_wait_for_one() -> None:
    saga = talk(step("z"), WaitFor("paid"))
    saga.tell(Signal("paid", 5, "", call="call-1"))
    assert saga.state.options.to_json() == {"signals": {"paid": 5}}


# --- Definitions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"until": {"a": 1}}, "add collect=True"),
        ({"most": 2}, "add collect=True"),
        ({"collect": 1}, "True or False"),
        ({"collect": True, "most": 0}, "Use 1 to 1,000"),
        ({"collect": True, "most": 1001}, "the saga's row has all of them"),
        ({"collect": True, "most": True}, "Use 1 to 1,000"),
        ({"collect": True, "until": {}}, "a mapping of paths"),
        ({"collect": True, "until": "delivered"}, "a mapping of paths"),
        ({"collect": True, "until": {"a..b": 1}}, "a path of keys with dots"),
        ({"collect": True, "until": {"a": [1]}}, "Use a string, a number"),
    ],
)
def test_bad_parameters_are_refused_with_what_to_write(
    options: dict[str, Any], advice: str
) -> None:
    with pytest.raises(DefinitionError, match=advice):
        WaitFor("update", **options)


def test_after_the_pivot_it_must_not_fail() -> None:
    with pytest.raises(DefinitionError, match="fails without its signal"):
        Saga("order", [step("p", pivot=True), WaitFor("bid", timeout=10, collect=True)])


def test_s12_whether_it_collects_is_part_of_the_structure_and_how_long_is_not() -> None:
    one, many = Saga("order", [WaitFor("bid")]), Saga("order", [WaitFor("bid", collect=True)])
    assert one.digest != many.digest
    assert many.digest == Saga("order", [WaitFor("bid", collect=True, most=9)]).digest


@pytest.mark.parametrize("was_many", [True, False])
def test_s12_signals_that_came_need_the_same_kind_of_wait(was_many: bool) -> None:
    waits = WaitFor("update", collect=True), WaitFor("update")
    before, after = waits if was_many else reversed(waits)
    saga = talk(step("z"), before)
    send(saga, MOVING)
    [problem] = at_steps(Saga("order", [step("z"), after]), saga.state, "")
    assert "came for step update, and needs a wait for" in problem.message
    assert not list(at_steps(saga.saga, saga.state, ""))


def test_with_a_smaller_most_the_next_signal_ends_the_wait() -> None:
    saga = talk(UPDATES, step("a"))
    for number in range(3):
        send(saga, number)
    saga.saga = Saga("order", [WaitFor("update", collect=True, most=2), step("a")])
    send(saga, 3)
    assert saga.state.context == {"update": [0, 1, 2, 3]}


def test_the_graph_says_what_it_waits_for() -> None:
    wait = WaitFor("update", collect=True, until={"status": "delivered", "n": Between(1)})
    chart = flowchart(Saga("order", [wait]))
    assert "update<br>signals<br>until status is #quot;delivered#quot;, n is 1 … " in chart
