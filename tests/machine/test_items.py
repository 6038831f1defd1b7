"""`ForEach` over sagas, and such that goes on without some of its items."""

from datetime import timedelta
from typing import Any

import pytest

from sagas.machine import (
    ChildCommand,
    ChildrenMoved,
    ChildrenRefused,
    DefinitionError,
    Failure,
    FailureKind,
    ForEach,
    Outcome,
    Parallel,
    ParentCommand,
    Pause,
    Resume,
    Retry,
    Saga,
    SubSaga,
    Succeeded,
    Verdict,
    agrees,
    decide,
    fold,
)
from sagas.machine.context import Context
from sagas.machine.outcomes import completes, gives_up
from sagas.testing import Conversation
from sagas.whatif.graph import flowchart
from sagas.whatif.rehearsal import goes_back, goes_forward
from tests.machine.conversation import ACTION, BY_ANNA, step
from tests.machine.stored import met_by


def act(context: Context) -> None:
    """What an item's action is."""


def lines(**options: Any) -> ForEach:
    return ForEach("lines", over="items", **options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, r"what to do is \[\]\. Give action=… or saga=…, one of them"),
        ({"action": act, "saga": "line"}, r"what to do is \['action', 'saga'\]\. Give"),
        ({"saga": "a line"}, "the saga 'a line' can't be used"),
        ({"saga": 7}, "the saga 7 can't be used"),
        ({"saga": "line", "version": 0}, "version is 0"),
        ({"saga": "line", "output": "by"}, r"output is 'by'\. Write a list"),
        ({"saga": "line", "output": {"by": "attempt"}}, "a key in output is 'attempt'"),
        ({"saga": "line", "compensation": act}, "compensation is .* It is for action="),
        ({"saga": "line", "retry": Retry(2)}, "retry is .* It is for action="),
        ({"saga": "line", "compensation_retry": Retry(2)}, "compensation_retry is"),
        ({"saga": "line", "timeout": 5}, "timeout is 5. It is for action="),
        ({"saga": "line", "queue": "q"}, "queue is 'q'. It is for action="),
        ({"saga": "line", "probe": act}, "probe is"),
        ({"saga": "line", "atomic": True}, "atomic is True"),
        ({"action": act, "version": 2}, "version is 2. It is for saga="),
        ({"action": act, "output": ["by"]}, r"output is \['by'\]\. It is for saga="),
        ({"action": "act"}, "action is 'act'"),
        ({"action": act, "on_failure": "stop"}, "on_failure is 'stop'"),
        ({"action": act, "enough": 0}, "enough is 0"),
        ({"action": act, "enough": 2, "on_failure": "continue"}, "enough is 2. .* none has to"),
        ({"saga": "line", "on_failure": "continue", "output": ["failed"]}, "is what an item that"),
        ({"saga": "line", "enough": 1, "output": {"x": "failed"}}, "a key in output is 'failed'"),
    ],
)
def test_what_can_not_work_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        lines(**options)


def test_s7_a_quorum_is_refused_after_the_pivot() -> None:
    with pytest.raises(DefinitionError, match="no item can be withdrawn"):
        Saga("shop", [step("p", pivot=True), lines(saga="line", enough=1)])
    Saga("shop", [step("p", pivot=True), lines(saga="line", on_failure="continue")])


def digest(step: ForEach | SubSaga) -> str:
    return Saga("shop", [step]).digest


def test_s12_the_saga_is_part_of_the_structure() -> None:
    digests = [
        digest(lines(action=act)),
        digest(lines(saga="line")),
        digest(lines(saga="other")),
        digest(ForEach("lines", over="orders", saga="line")),
        digest(SubSaga("lines", "line")),
        digest(lines(saga="line", on_failure="continue")),
        digest(lines(saga="line", enough=1)),
        digest(lines(saga="line", enough=2)),
    ]
    assert len({*digests}) == len(digests)
    assert digest(lines(saga="line", version=2, output=["x"])) == digests[1]


def test_s12_what_is_there_keeps_its_digest() -> None:
    """Executions that were started before there were items of sagas go on."""
    assert digest(lines(action=act)).startswith("15b71249f407ab0f")


def test_a_graph_names_the_saga_of_the_items() -> None:
    drawn = flowchart(Saga("shop", [lines(saga="line")]))
    assert '[["lines<br>for each of items<br>saga line"]]' in drawn
    assert "<br>2 are enough" in flowchart(Saga("shop", [lines(saga="line", enough=2)]))


def test_only_an_action_has_a_definition_of_its_own() -> None:
    both = Saga("shop", [lines(saga="line"), ForEach("others", over="items", action=act)])
    assert [each.saga_type for each in both.item_sagas] == ["shop.others"]
    assert [each.name for each in both.sub_sagas] == ["lines"]


# --- Items that the saga goes on without ----------------------------------------------------------

HALT = ChildCommand("lines", ParentCommand.HALT)
UNDO = ChildCommand("lines", ParentCommand.UNDO)
RETRY = ChildCommand("lines", ParentCommand.RETRY)
RELEASE = ChildCommand("lines", ParentCommand.RELEASE)
WITHDRAW = ChildCommand("lines", ParentCommand.WITHDRAW)
REFUSED = Failure(FailureKind.REJECTED, "BadInput", "it is bad")


def shop(count: int = 3, deadline: float | None = None, **options: Any) -> Conversation:
    steps: list[Any] = [step("a"), lines(saga="line", **options), step("z")]
    of = Conversation(Saga("shop", steps, deadline=deadline), {"items": [*range(count)]})
    of.succeed("a")
    return of


def hears(of: Conversation, **change: int) -> list[ChildCommand]:
    """What the items are told once their parent hears of `change`; S8 holds after it."""
    told = {Outcome(name): number for name, number in change.items()}
    decision = of.tell(ChildrenMoved("lines", told, {"lines": ["…"]}))
    assert agrees(fold(of.history), of.state), "S8"
    assert goes_forward(of.saga, of.state, of.now) == goes_back(of.saga, of.state, of.now) == ""
    return list(decision.child_commands)


def started(of: Conversation) -> int:
    children = of.state.step("lines").children
    return 0 if children is None else children.started


def why(of: Conversation) -> str:
    failure = of.state.step("lines").failure
    return "" if failure is None else failure.message


def test_s4_only_the_items_that_gave_up_are_undone() -> None:
    of = shop(on_failure="continue")
    assert hears(of, gave_up=1) == [RELEASE]
    assert hears(of, completed=1) == []
    assert hears(of, gave_up=-1, undone=1) == []
    assert of.due() == set()
    assert hears(of, completed=1) == []
    assert of.due() == {("z", "action")}
    assert of.state.context["lines"] == ["…"]


def test_s4_one_that_gives_up_while_another_is_undone_is_told_too() -> None:
    of = shop(on_failure="continue")
    assert hears(of, gave_up=1) == [RELEASE]
    assert hears(of, undone=1) == [RELEASE], "one is undone, and another one has given up"
    assert hears(of, gave_up=-1, stuck=1) == []
    assert hears(of, stuck=-1, undone=1) == []


def test_s6_all_are_told_to_undo_beside_one_that_is_stuck() -> None:
    of = shop(on_failure="continue")
    hears(of, gave_up=1, completed=2)
    hears(of, gave_up=-1, stuck=1)
    assert list(of.cancel().child_commands) == [HALT, UNDO, RETRY]
    hears(of, completed=-2, undone=3)
    assert of.due() == {("a", "compensation")}


def test_s6_one_that_is_stuck_alone_is_tried_again() -> None:
    of = shop(1, on_failure="continue")
    hears(of, gave_up=1)
    hears(of, gave_up=-1, stuck=1)
    assert list(of.cancel().child_commands) == [HALT, RETRY]


def test_s5_what_is_undone_while_the_saga_turns_back_is_heard() -> None:
    way = Parallel(lines(saga="line", on_failure="continue"), step("b"))
    of = Conversation(Saga("shop", [way]), {"items": [1, 2]})
    fence = of.claim("b")
    hears(of, gave_up=1)
    of.cancel()
    hears(of, gave_up=1)
    assert of.state.step("lines").status == "failed"
    hears(of, gave_up=-1, undone=1)
    of.tell(Succeeded("b", ACTION, fence, {}))
    hears(of, gave_up=-1, undone=1)
    assert of.state.step("lines").status == "compensated"


def test_s4_items_that_have_undone_all_leave_nothing() -> None:
    of = shop(2, on_failure="continue", max_concurrency=1)
    hears(of, gave_up=1)
    hears(of, gave_up=-1, undone=1)
    of.tell(ChildrenRefused("lines", 1, REFUSED))
    assert why(of) == "it is bad"
    assert of.due() == {("a", "compensation")}


def test_nothing_is_let_go_while_it_is_paused() -> None:
    of = shop(on_failure="continue")
    of.tell(Pause(**BY_ANNA))
    assert hears(of, gave_up=1) == []
    assert RELEASE in of.tell(Resume(**BY_ANNA)).child_commands


def test_s3_once_there_are_enough_the_rest_is_withdrawn() -> None:
    of = shop(5, enough=2, max_concurrency=3)
    assert hears(of, completed=1) == []
    assert started(of) == 4
    assert hears(of, completed=1, gave_up=1) == [WITHDRAW]
    assert started(of) == 4, "no more is started"
    assert hears(of, gave_up=1) == [RELEASE], "by itself, before it was told"
    assert hears(of, gave_up=-2, undone=2) == []
    assert of.due() == {("z", "action")}


def test_nothing_is_withdrawn_while_it_is_paused() -> None:
    of = shop(3, enough=1)
    of.tell(Pause(**BY_ANNA))
    assert hears(of, completed=1) == []
    assert WITHDRAW in of.tell(Resume(**BY_ANNA)).child_commands


@pytest.mark.parametrize("paused", [False, True])
def test_s5_after_the_deadline_nobody_is_withdrawn_before_all_have_settled(paused: bool) -> None:
    of = shop(3, deadline=10, enough=1)
    if paused:
        of.tell(Pause(**BY_ANNA))
        hears(of, completed=1)
    of.now += timedelta(seconds=10)
    fact = Resume(**BY_ANNA) if paused else ChildrenMoved("lines", {Outcome.COMPLETED: 1})
    commands = of.tell(fact).child_commands
    assert of.status == "compensating"
    assert WITHDRAW not in commands
    assert ChildCommand("lines", ParentCommand.HALT) in commands


def test_where_all_have_completed_nobody_is_withdrawn() -> None:
    of = shop(2, enough=1)
    assert hears(of, completed=2) == []
    assert of.due() == {("z", "action")}


def test_s6_once_there_can_not_be_enough_all_turn_back() -> None:
    of = shop(3, enough=2)
    assert hears(of, gave_up=1) == []
    assert hears(of, gave_up=1) == [HALT]
    assert UNDO in hears(of, completed=1)
    assert of.status == "compensating"


def test_s12_once_there_were_enough_the_list_is_not_needed() -> None:
    step_of_lines = lines(saga="line", enough=1, max_concurrency=1)
    of = Conversation(Saga("shop", [step_of_lines, step("y"), step("z")]), {"items": [1, 2]})
    hears(of, completed=1)
    of.succeed("y", items=None)
    assert met_by(of.saga, of) == []


def test_s12_children_of_a_step_that_is_gone_are_not_waited_for() -> None:
    of = shop(1, on_failure="continue")
    hears(of, completed=1)
    without_it, news = Saga("shop", [step("a"), step("z")]), {Outcome.UNDONE: 1}
    assert not completes(without_it, of.state, "lines", news)
    assert not gives_up(without_it, of.state, "lines", news)
    found = decide(without_it, of.state, ChildrenMoved("lines", news), of.now)
    assert found.verdict is Verdict.REFUSED


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_items_are_not_begun(count: int) -> None:
    of = shop(count, enough=2)
    assert why(of) == f"There are {count} items, and 2 have to complete."
    assert of.due() == {("a", "compensation")}
