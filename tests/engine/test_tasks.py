"""The list of tasks that wait for a person, in the rows: true after each transition, and in the
same transaction."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext

from sagas import (
    Choice,
    FirstOf,
    ForEach,
    Login,
    Parallel,
    Rejected,
    Repeat,
    Saga,
    SagaStep,
    SubSaga,
    WaitFor,
    engine,
    queries,
)
from sagas.engine import NewSaga
from sagas.errors import BadInput, OperationRefused
from sagas.machine.open_tasks import open_tasks
from sagas.models import SagaExecution, SagaTask
from sagas.registry import registry
from sagas.testing.workers import work_off
from tests.engine.changing import BY, do, pk, start, step
from tests.engine.driving import ORDER, check_history, claim, row, state_in
from tests.engine.round_trips import round_trips

pytestmark = pytest.mark.django_db(transaction=True)

APPROVAL = WaitFor("approval", permission="shop.approve_claim", assignee="manager", due=3600)
PLAIN = WaitFor("approval")


def listed() -> dict[str, str]:
    """saga_id and step → assignee. What is listed is what waits, of every execution (S8)."""
    found = {(row.execution_id, row.step): row.assignee for row in SagaTask.objects.all()}
    expected = {}
    for execution in SagaExecution.objects.all():
        definition = registry.get(execution.saga_type, execution.version)
        for name, task in open_tasks(definition, state_in(execution)).items():
            expected[execution.pk, name] = task.assignee
        check_history(execution.pk)
    assert found == expected
    names = dict(SagaExecution.objects.values_list("pk", "saga_id"))
    return {f"{names[key]} {name}": assignee for (key, name), assignee in found.items()}


def test_s9_a_task_is_listed_from_the_beginning_of_its_wait_to_its_end(define: Any) -> None:
    execution_id = start(define, step("a"), APPROVAL, step("b"), manager="bo")
    assert listed() == {}
    do(execution_id, "a")
    assert listed() == {"s approval": "bo"}
    found = SagaTask.objects.get()
    assert found.due_at == found.since + timedelta(hours=1)
    assert found.since == row(execution_id).updated_at
    engine.signal("s", "approval", True)
    assert listed() == {}


def test_a_saga_that_begins_with_its_task_is_listed_at_once(define: Any) -> None:
    define(Saga("shop", [APPROVAL]))
    engine.start("shop", {"manager": "bo"}, saga_id="s-1")
    many = [NewSaga({"manager": name}, f"s-{name}") for name in ("cy", "di")]
    engine.start_many("shop", many)
    engine.start_many("shop", many)
    everyone = {"s-1 approval": "bo", "s-cy approval": "cy", "s-di approval": "di"}
    assert listed() == everyone


def test_s9_a_saga_is_not_started_without_its_task(
    define: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    define(Saga("shop", [APPROVAL]))
    monkeypatch.setattr("sagas.store.tasks.WRITE", "SELECT 1 / 0")
    for start_some in (
        lambda: engine.start("shop", {}, saga_id="s-1"),
        lambda: engine.start_many("shop", [NewSaga({}, "s-2"), NewSaga({}, "s-3")]),
    ):
        with pytest.raises(DataError):
            start_some()
        assert not SagaExecution.objects.exists()


def test_s11_a_signal_that_starts_its_saga_leaves_no_task(define: Any) -> None:
    define(Saga("shop", [APPROVAL]))
    engine.signal_with_start("shop", {}, saga_id="s", name="approval", payload=True)
    assert (row(pk("s")).status, listed()) == ("completed", {})


def test_a_refused_signal_leaves_the_task(define: Any) -> None:
    wait = WaitFor("approval", four_eyes=True, form={"type": "boolean"})
    start(define, wait, step("b"))
    with pytest.raises(BadInput):
        engine.signal("s", "approval", "perhaps")
    assert listed() == {"s approval": ""}
    with pytest.raises(OperationRefused):
        engine.signal("s", "other", True)
    assert listed() == {"s approval": ""}


def test_a_wait_that_collects_is_a_task_until_it_has_enough(define: Any) -> None:
    start(define, WaitFor("vote", collect=True, most=2, four_eyes=True), step("b"))
    for key, open_still in (("1", True), ("2", False)):
        engine.signal("s", "vote", key, key=key)
        assert bool(listed()) == open_still


ENDINGS: dict[str, Callable[[], object]] = {
    "cancel": lambda: engine.cancel("s", **BY),
    "skip": lambda: engine.skip("s", "approval", **BY),
    "reschedule": lambda: engine.reschedule("s", "approval", row(pk("s")).created_at, **BY),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_people_end_is_listed_no_more(ending: str, define: Any, committed: Any) -> None:
    start(define, WaitFor("approval", timeout=99, assignee=Login("bo")), step("b"))
    assert listed() == {"s approval": "bo"}
    ENDINGS[ending]()
    work_off(committed)
    assert listed() == {}


def test_r5_a_task_that_is_late_goes_on_and_one_that_times_out_does_not(
    define_saga: Any, saga_worker: Any
) -> None:
    wait = WaitFor("approval", due=60, timeout=3600, on_timeout="continue")
    execution_id = start(define_saga, wait, step("b"))
    saga_worker.wait(600)
    assert listed() == {"s approval": ""}
    SagaTask.objects.update(due_at=SagaTask.objects.get().since - timedelta(seconds=1))
    [task] = queries.tasks(queries.TaskFilter(late=True), queries.OPERATOR).tasks
    assert (task["saga_id"], task["late"]) == ("s", True)
    assert queries.tasks(queries.TaskFilter(late=False), queries.OPERATOR).tasks == []
    saga_worker.wait(3600)
    assert (row(execution_id).status, listed()) == ("completed", {})


def test_another_member_of_a_race_withdraws_it(define: Any) -> None:
    start(define, FirstOf("end", APPROVAL, WaitFor("stop")), step("b"), manager="bo")
    assert listed() == {"s approval": "bo"}
    engine.signal("s", "stop", True)
    assert listed() == {}


def test_l3_a_saga_that_turns_back_withdraws_it(define: Any, committed: Any) -> None:
    def refuse(context: Any) -> None:
        raise Rejected("no")

    execution_id = start(define, Parallel(APPROVAL, SagaStep("a", refuse)), manager="bo")
    assert listed() == {"s approval": "bo"}
    work_off(committed)
    assert (row(execution_id).status, listed()) == ("compensated", {})


def test_a_report_that_changes_whose_it_is_is_listed(define: Any) -> None:
    """Of a step beside it: alone, a report is written without the row's lock."""
    wait = WaitFor("approval", assignee="manager", due="until")
    execution_id = start(define, Parallel(wait, [step("a"), step("b")]), manager="bo")
    since = SagaTask.objects.get().since
    changes = {"manager": "cy", "until": "2030-01-01T00:00:00+00:00"}
    engine.succeed(claim(execution_id, "a"), changes)
    assert listed() == {"s approval": "cy"}
    found = SagaTask.objects.get()
    assert (found.since, found.due_at) == (since, datetime(2030, 1, 1, tzinfo=UTC))


def test_an_amend_assigns_it_to_somebody_else(define: Any) -> None:
    start(define, APPROVAL, step("b"), manager="bo")
    before = SagaTask.objects.get()
    engine.pause("s", **BY)
    engine.amend("s", {"manager": "cy"}, **BY)
    engine.resume("s", **BY)
    assert listed() == {"s approval": "cy"}
    after = SagaTask.objects.get()
    assert (after.pk, after.since, after.due_at) == (before.pk, before.since, before.due_at)


APPROVAL_2 = WaitFor("second", permission="shop.approve_claim", assignee="item.manager")
PARTS: dict[str, Any] = {
    "a saga": (SubSaga("part", "line"), "s~part approval", "bo"),
    "each of a list": (ForEach("parts", over="items", saga="of_item"), "s~parts.0 second", "di"),
    "a round": (
        Repeat("rounds", [APPROVAL], until="approval", most=3),
        "s~rounds.1 approval",
        "bo",
    ),
    "a choice": (Choice("way", "manager", {"bo": APPROVAL}), "s approval", "bo"),
}


@pytest.mark.parametrize("part", PARTS)
def test_l4_the_tasks_of_children_are_listed_at_birth_and_end_with_them(
    part: str, define: Any, committed: Any
) -> None:
    node, task, assignee = PARTS[part]
    define(Saga("line", [APPROVAL]))
    define(Saga("of_item", [APPROVAL_2]))
    execution_id = start(define, step("a"), node, manager="bo", items=[{"manager": "di"}])
    do(execution_id, "a")
    assert listed() == {task: assignee}
    engine.cancel("s", **BY)
    work_off(committed)
    assert (row(execution_id).status, listed()) == ("compensated", {})


def test_the_next_round_has_a_task_of_its_own(define: Any, committed: Any) -> None:
    rounds = Repeat("rounds", [APPROVAL], until={"approval": "yes"}, most=3)
    execution_id = start(define, rounds, manager="bo")
    engine.signal("s~rounds.1", "approval", "no")
    work_off(committed)
    assert listed() == {"s~rounds.2 approval": "bo"}
    engine.signal("s~rounds.2", "approval", "yes")
    work_off(committed)
    assert (row(execution_id).status, listed()) == ("completed", {})


def test_l4_a_thousand_children_are_listed_in_one_statement(define: Any) -> None:
    define(Saga("line", [APPROVAL]))
    counts = []
    for number in (2, 40):
        define(Saga(f"shop{number}", [ForEach("parts", over="items", saga="line")]))
        with round_trips() as sent:
            engine.start(f"shop{number}", {"items": list(range(number))})
        counts.append(len(sent))
    assert SagaTask.objects.count() == 42
    assert counts[0] == counts[1]


def test_a_saga_without_tasks_pays_nothing_for_them(define: Any) -> None:
    """A task takes one statement more where it begins, and one where it ends."""
    costs = {}
    for saga_type, wait in (("plain", PLAIN), ("task", APPROVAL)):
        define(Saga(saga_type, [step("a"), wait, step("b"), step("c")]))
        for repeated in (1, 2):  # the second time, its statements are prepared
            saga_id = f"{saga_type}-{repeated}"
            began = engine.start(saga_type, ORDER, saga_id=saga_id).execution_id
            with CaptureQueriesContext(connection) as begins:
                do(began, "a")
            with CaptureQueriesContext(connection) as ends:
                engine.signal(saga_id, "approval", True)
            with CaptureQueriesContext(connection) as after:
                do(began, "b")
        said = [[each["sql"] for each in some] for some in (begins, ends, after)]
        costs[saga_type] = [len([sql for sql in some if "sagatask" in sql]) for some in said]
    assert costs == {"plain": [0, 0, 0], "task": [1, 1, 0]}


def test_a_task_is_shown_with_its_step(define: Any) -> None:
    execution_id = start(define, Parallel(APPROVAL, WaitFor("other")), step("b"), manager="bo")
    shown = {each["name"]: each["task"] for each in queries.describe(row(execution_id))["steps"]}
    assert shown["other"] is shown["b"] is None
    assert (shown["approval"]["assignee"], shown["approval"]["late"]) == ("bo", False)
    assert shown["approval"]["permission"] == "shop.approve_claim"
    engine.signal("s", "approval", True)
    assert queries.describe(row(execution_id))["steps"][0]["task"] is None
