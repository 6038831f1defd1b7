"""`ForEach` whose list grows by signals, in the rows: many at once, and its end."""

from typing import Any

import pytest

from sagas import Choice, ForEach, Saga, SagaStep, SubSaga, WaitFor, engine, queries
from sagas.errors import BadInput, OperationRefused
from sagas.machine.context import CONTEXT_LIMIT
from sagas.models import SagaEvent, SagaExecution
from sagas.testing.workers import work_off
from tests.engine.driving import ORDER, check_history, claim, pass_time, row
from tests.engine.items import LINE, act, checked, done, items
from tests.engine.test_races import lost_at_commit, together

pytestmark = pytest.mark.django_db(transaction=True)

GROWS: dict[str, Any] = {"grows_by": "add_line", "closes_by": "no_more"}


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


def lines(**options: Any) -> ForEach:
    return ForEach("lines", **{"over": "items", "saga": "line", "output": ["by"]} | GROWS | options)


def begin(know: Any, *steps: Any, line: Saga = LINE, **context: Any) -> int:
    know(line, Saga("shop", [act("a"), *steps, act("z")]))
    return engine.start("shop", {**ORDER, **context}, saga_id="s").execution_id


def add(number: int, **options: Any) -> None:
    engine.signal("s", "add_line", {"n": number, **options}, key=f"evt-{number}", by="shop")


def test_each_signal_is_an_item(know: Any, committed: Any) -> None:
    saga = begin(know, lines(), items=items(1))
    add(1)
    work_off(committed)
    add(2)
    work_off(committed)
    found = checked(saga)
    assert (found.status, found.current_steps) == ("running", ["lines"])
    assert found.steps["lines"]["children"] == {
        "total": 3,
        "started": 3,
        "completed": 3,
        "open": True,
    }
    assert found.wake_at is None
    engine.signal("s", "no_more", by="shop")
    work_off(committed)
    found = checked(saga)
    assert found.status == "completed"
    assert found.context["items"] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert found.context["lines"] == [{"by": "ship"}] * 3
    assert "open" not in found.steps["lines"]["children"]
    third = SagaExecution.objects.get(saga_id="s~lines.2")
    assert (third.context["item"], third.context["index"]) == ({"n": 2}, 2)
    assert done[0] == "a"
    assert done[-1] == "z"


def test_items_may_be_actions(know: Any, committed: Any) -> None:
    step = lines(saga="", output=(), action=lambda context: {"twice": context["item"] * 2})
    saga = begin(know, step, items=[1])
    work_off(committed)
    engine.signal("s", "add_line", 2)
    engine.signal("s", "add_line", 2)
    engine.signal("s", "no_more")
    work_off(committed)
    assert checked(saga).context["lines"] == [{"twice": 2}, {"twice": 4}, {"twice": 4}]


def test_r13_closed_after_the_last_item_was_heard_of_the_results_are_there(
    know: Any, committed: Any
) -> None:
    """What the items give is read by the transaction that closes the step."""
    saga = begin(know, lines(), items=items(2))
    work_off(committed)
    engine.signal("s", "no_more")
    assert row(saga).context["lines"] == [{"by": "ship"}] * 2
    engine.signal("s", "no_more")
    work_off(committed)
    assert checked(saga).status == "completed"
    assert SagaEvent.objects.filter(execution_id=saga, type="saga.signalled").count() == 1


def test_r13_early_items_and_an_early_end(know: Any, committed: Any) -> None:
    saga = begin(know, WaitFor("go"), lines(), items=items(1))
    add(1)
    engine.signal("s", "no_more")
    with pytest.raises(OperationRefused, match="takes no more items"):
        add(2)
    engine.signal("s", "go")
    work_off(committed)
    found = checked(saga)
    assert found.status == "completed"
    assert [each["n"] for each in found.context["items"]] == [0, 1]


def test_r13_of_many_items_at_once_each_key_counts_once(know: Any, committed: Any) -> None:
    saga = begin(know, lines(max_concurrency=3))
    together(lambda number: add(number // 2))
    together(lambda number: add(number // 2))
    assert len(row(saga).options["collected"]["lines"]) == 4
    work_off(committed)
    engine.signal("s", "no_more")
    work_off(committed)
    found = checked(saga)
    assert found.status == "completed"
    assert sorted(each["n"] for each in found.context["items"]) == [0, 1, 2, 3]
    assert SagaExecution.objects.filter(parent_step="lines").count() == 4


def test_of_items_and_an_end_at_one_moment_none_is_lost_or_half_taken(
    know: Any, committed: Any
) -> None:
    know(LINE, Saga("shop", [lines(), act("z")]))
    for round_number in range(6):
        saga_id = f"s-{round_number}"
        saga = engine.start("shop", {"items": items(1)}, saga_id=saga_id).execution_id
        work_off(committed)

        def act_on(who: int, saga_id: str = saga_id) -> str:
            try:
                if who == 0:
                    engine.signal(saga_id, "no_more")
                else:
                    engine.signal(saga_id, "add_line", {"n": who}, key=f"evt-{who}")
            except OperationRefused as error:
                return str(error)
            return ""

        told = together(act_on, 4)
        assert told[0] == ""
        work_off(committed)
        found = checked(saga)
        taken = {0} | {number for number, why in enumerate(told) if not why and number}
        assert found.status == "completed"
        assert {each["n"] for each in found.context["items"]} == taken
        assert len(found.context["lines"]) == len(taken)
        assert all("takes no more items" in why for why in told if why)


def test_the_last_item_and_the_end_at_one_moment(know: Any, committed: Any) -> None:
    """Whoever comes second finds what the first has left."""
    know(Saga("line", [SagaStep("pack", lambda _: {"by": "us"})]), Saga("shop", [lines()]))
    for number in range(8):
        saga_id = f"s-{number}"
        saga = engine.start("shop", {"items": [1]}, saga_id=saga_id).execution_id
        child = SagaExecution.objects.get(saga_id=f"{saga_id}~lines.0")
        work = claim(child.pk, "pack")

        def act_on(who: int, saga_id: str = saga_id, work: Any = work) -> None:
            if who:
                engine.signal(saga_id, "no_more")
            else:
                engine.succeed(work, {"by": "us"})

        together(act_on, 2)
        committed.clear()
        found = checked(saga)
        assert (found.status, found.context["lines"]) == ("completed", [{"by": "us"}])


@pytest.mark.parametrize("moment", ["before", "after"])
def test_r22_an_item_whose_commit_was_lost_is_added_once(
    know: Any, committed: Any, moment: str
) -> None:
    saga = begin(know, lines())
    work_off(committed)
    with lost_at_commit(moment):
        engine.signal("s", "add_line", {"n": 1})
    child = SagaExecution.objects.get(saga_id="s~lines.0")
    pass_time(child.pk, minutes=1)  # its first hint may have been lost, too
    engine.wake(10)
    work_off(committed)
    engine.signal("s", "no_more")
    work_off(committed)
    found = checked(saga)
    assert (found.status, found.context["items"]) == ("completed", [{"n": 1}])


def test_s6_an_added_item_that_gives_up_turns_all_back(know: Any, committed: Any) -> None:
    saga = begin(know, lines(), items=items(1))
    work_off(committed)
    add(1, fails=["ship"])
    work_off(committed)
    found = checked(saga)
    assert found.status == "compensated"
    assert found.steps["lines"]["failure"]["message"] == (
        "1 of 2 gave up: item 1 (Rejected: no ship)."
    )
    assert {"undo pack 0", "undo ship 0", "undo pack 1"} < set(done)
    assert done[-1] == "undo a"
    with pytest.raises(OperationRefused, match="waits for nothing any more"):
        add(2)


def test_s3_an_added_item_may_fail_alone(know: Any, committed: Any) -> None:
    saga = begin(know, lines(on_failure="continue"), items=items(1))
    add(1, fails=["ship"])
    work_off(committed)
    add(2)
    work_off(committed)
    engine.signal("s", "no_more")
    work_off(committed)
    found = checked(saga)
    assert found.status == "completed"
    failed = {"failed": {"error": "Rejected", "message": "no ship"}}
    assert found.context["lines"] == [{"by": "ship"}, failed, {"by": "ship"}]
    assert found.context["lines_failed"]["message"].startswith("1 of 3 gave up: item 1")


def test_r7_a_cancel_undoes_what_was_added(know: Any, committed: Any) -> None:
    saga = begin(know, lines())
    add(1)
    work_off(committed)
    assert engine.preview("s").stages == (("lines",), ("a",))
    engine.cancel("s", by="anna")
    work_off(committed)
    assert checked(saga).status == "compensated"
    assert done[-3:] == ["undo ship 1", "undo pack 1", "undo a"]


def test_paused_it_takes_items_and_starts_none(know: Any, committed: Any) -> None:
    saga = begin(know, lines())
    work_off(committed)
    engine.pause("s", by="anna")
    add(1)
    engine.signal("s", "no_more")
    work_off(committed)
    assert not SagaExecution.objects.filter(parent_step="lines").exists()
    engine.resume("s", by="anna")
    work_off(committed)
    assert checked(saga).status == "completed"


def test_an_item_that_ends_at_birth_is_heard_of(know: Any, committed: Any) -> None:
    """Its saga has nothing to do: it has ended before the signal's transaction has."""
    ends = Saga("line", [Choice("c", "item", {1: act("pack")})])
    saga = begin(know, lines(output={"index": "i"}), line=ends, items=[0])
    work_off(committed)
    engine.signal("s", "add_line", 0)
    assert row(saga).steps["lines"]["children"]["completed"] == 2
    engine.signal("s", "no_more")
    work_off(committed)
    assert checked(saga).context["lines"] == [{"i": 0}, {"i": 1}]


def test_an_item_that_could_not_be_stored_is_refused(know: Any, committed: Any) -> None:
    saga = begin(know, lines())
    work_off(committed)
    big = "x" * (CONTEXT_LIMIT // 2)
    engine.signal("s", "add_line", {"n": 1, "x": big}, key="1")
    with pytest.raises(BadInput, match="context"):
        engine.signal("s", "add_line", {"n": 2, "x": big}, key="2")
    assert row(saga).steps["lines"]["children"]["total"] == 1
    check_history(saga)


def test_a_child_may_grow_too(know: Any, committed: Any) -> None:
    know(LINE, Saga("inner", [lines()]), Saga("shop", [SubSaga("inner", output=["lines"])]))
    saga = engine.start("shop", {"items": items(1)}, saga_id="s").execution_id
    work_off(committed)
    engine.signal("s~inner", "add_line", {"n": 1})
    engine.signal("s~inner", "no_more")
    work_off(committed)
    inner = SagaExecution.objects.get(saga_id="s~inner")
    pass_time(inner.pk, minutes=1)
    engine.wake(10)
    assert checked(saga).context["lines"] == [{"by": "ship"}] * 2


def test_what_operators_see(know: Any, committed: Any) -> None:
    saga = begin(know, lines(), items=items(1))
    add(1)
    [step] = [each for each in queries.describe(row(saga))["steps"] if each["name"] == "lines"]
    assert (step["status"], step["children"]) == ("pending", None)
    work_off(committed)
    [step] = [each for each in queries.describe(row(saga))["steps"] if each["name"] == "lines"]
    assert (step["status"], step["children"]["total"]) == ("waiting", 2)
