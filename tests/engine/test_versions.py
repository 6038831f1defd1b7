"""Definitions that change or go while executions are under way, and the system check that tells
so: `manage.py check --database default` (S12)."""

from io import StringIO
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from sagas import engine
from sagas.checks import check_live_executions
from sagas.machine import Parallel, Pivot, Saga, SagaStep, SubSaga
from sagas.models import SagaExecution, SagaLock
from sagas.registry import registry
from tests.engine.driving import ORDER, claim, row

pytestmark = pytest.mark.django_db(transaction=True)


def does(context: Any) -> None:
    """An action that changes nothing."""


def step(name: str, undo: bool = True) -> SagaStep:
    return SagaStep(name, does, does if undo else None)


def redefine(*steps: Any, saga_type: str = "shop") -> None:
    """As a deploy does that changes a definition under its version."""
    registry._sagas[saga_type, 1] = Saga(saga_type, list(steps))


def forget(saga_type: str = "shop") -> None:
    """As a deploy does that drops a version too early."""
    del registry._sagas[saga_type, 1]


@pytest.fixture
def begun(define: Any) -> list[int]:
    """Three executions: the first has done its first step."""
    define(Saga("shop", [step("a"), step("b")]))
    ids = [engine.start("shop", ORDER, saga_id=f"s-{n}").execution_id for n in range(3)]
    do(ids[0], "a")
    return ids


def do(execution_id: int, *names: str) -> None:
    for name in names:
        engine.succeed(claim(execution_id, name), None)


def told() -> list[tuple[str | None, str, str | None]]:
    return [(m.id, m.msg, m.hint) for m in check_live_executions(databases=["default"])]


def test_s12_locks_are_freed_by_a_definition_that_asks_for_none_any_more(define: Any) -> None:
    """They are no part of the digest: such a change is told to nobody."""
    define(Saga("shop", [step("a")], locks=lambda _: ["till"]))
    started = engine.start("shop", ORDER)
    redefine(step("a"))
    do(started.execution_id, "a")
    assert row(started.execution_id).status == "completed"
    assert not SagaLock.objects.exists()


def test_s12_the_check_is_silent_about_what_can_go_on(begun: list[int], define: Any) -> None:
    define(Saga("shop", [step("new")], version=2))
    assert told() == []


def test_s12_the_check_names_a_version_that_is_missing(begun: list[int]) -> None:
    do(begun[0], "b")
    forget()
    [(number, message, hint)] = told()
    assert number == "sagas.E003"
    assert message == (
        "2 live execution(s) of 'shop', version 1 (s-1, s-2) have no definition here."
    )
    assert hint is not None
    assert "Keep it in sagas.py until its executions have ended" in hint


def test_s12_the_check_tells_a_change_that_some_can_not_go_on_with(begun: list[int]) -> None:
    redefine(step("a"), step("new"), step("b"))
    found = {number: (message, hint or "") for number, message, hint in told()}
    assert set(found) == {"sagas.E004", "sagas.W002"}
    assert "1 live execution(s) of 'shop', version 1 (s-0)" in found["sagas.E004"][0]
    assert "Step new stands before b" in found["sagas.E004"][1]
    assert "2 live execution(s) of 'shop', version 1 (s-1, s-2)" in found["sagas.W002"][0]
    assert "next version" in found["sagas.W002"][1]


def test_s12_the_check_leaves_alone_what_was_begun_without_a_digest(begun: list[int]) -> None:
    SagaExecution.objects.update(definition_digest="")
    redefine(step("b"))
    assert told() == []


def test_s12_the_check_knows_that_a_completed_child_may_have_to_be_undone(define: Any) -> None:
    define(Saga("pack", [step("fold")]))
    define(Saga("shop", [SubSaga("pack"), step("b")]))
    started = engine.start("shop", ORDER, saga_id="s")
    do(SagaExecution.objects.get(saga_id="s~pack").pk, "fold")
    forget("pack")
    [(number, message, _)] = told()
    assert number == "sagas.E003"
    assert "(s~pack)" in message
    do(started.execution_id, "b")
    assert told() == []


def test_s7_the_check_tells_children_that_may_be_undone_from_those_that_only_go_forward(
    define: Any,
) -> None:
    define(Saga("pack", [step("fold"), step("tape")]))
    define(Saga("back", [SubSaga("pack")]))
    define(Saga("ahead", [Pivot("go", does), SubSaga("pack")]))
    for name in ("back", "ahead"):
        started = engine.start(name, ORDER, saga_id=name)
        if name == "ahead":
            do(started.execution_id, "go")
        do(SagaExecution.objects.get(saga_id=f"{name}~pack").pk, "fold")
    redefine(step("tape"), saga_type="pack")
    messages = {number: message for number, message, _ in told()}
    assert "(back~pack)" in messages["sagas.E004"]
    assert "(ahead~pack)" in messages["sagas.W002"]


def test_the_check_is_one_query_however_many_executions_there_are(define: Any) -> None:
    define(Saga("shop", [Parallel(*(step(name) for name in "abcd")), step("e")]))
    for number in range(30):
        started = engine.start("shop", ORDER)
        do(started.execution_id, *"abcd"[: number % 5])
    redefine(step("e"))
    with CaptureQueriesContext(connection) as captured:
        messages = told()
    assert [query["sql"].split()[0] for query in captured.captured_queries] == [
        "BEGIN",
        "SET",
        "--",
        "COMMIT",
    ]
    assert sum(int(message.split()[0]) for _, message, _ in messages) == 30


@pytest.mark.parametrize("databases", [None, [], ["other"]])
def test_the_check_asks_no_database_that_it_was_not_told_to(
    begun: list[int], databases: Any
) -> None:
    forget()
    with CaptureQueriesContext(connection) as captured:
        assert check_live_executions(databases=databases) == []
        ids = {message.id for message in run_checks()}
    assert not captured.captured_queries
    assert "sagas.E003" not in ids


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE sagas_sagaexecution RENAME TO elsewhere",
        "ALTER TABLE sagas_sagaexecution DROP COLUMN definition_digest",
    ],
)
def test_r15_the_check_is_silent_before_the_migrations(begun: list[int], change: str) -> None:
    forget()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
        assert told() == []
        transaction.set_rollback(True)


def test_s12_manage_py_check_fails_with_the_database_only(begun: list[int]) -> None:
    forget()
    call_command("check", stdout=StringIO(), stderr=StringIO())
    with pytest.raises(SystemCheckError, match=r"sagas\.E003"):
        call_command("check", databases=["default"], stderr=StringIO())
