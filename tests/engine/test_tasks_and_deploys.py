"""The list of tasks that wait for a person, when definitions, code and tables change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from sagas import Login, Saga, WaitFor, engine, queries
from sagas.engine import NewSaga
from sagas.models import SagaExecution, SagaTask
from tests.engine.changing import BY, do, redefine, start, step
from tests.engine.driving import row
from tests.engine.test_tasks import APPROVAL, PLAIN, listed

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_adoption_lists_by_the_new_definition(define: Any, committed: Any) -> None:
    start(define, PLAIN, step("b"), manager="bo")
    assert listed() == {}
    redefine(APPROVAL, step("b"), version=2)
    engine.adopt("s", 2, **BY)
    assert listed() == {"s approval": "bo"}
    redefine(PLAIN, step("b"), version=3)
    engine.adopt("s", 3, **BY)
    assert listed() == {}


def test_s12_a_deploy_makes_tasks_of_waits_that_have_begun(define: Any) -> None:
    execution_id = start(define, PLAIN, step("b"), manager="bo")
    define(Saga("other", [PLAIN]))
    engine.start("other", {}, saga_id="o")
    redefine(APPROVAL, step("b"))
    assert not SagaTask.objects.exists()
    assert [engine.renew_tasks() for _ in range(2)] == [1, 1]
    assert listed() == {"s approval": "bo"}
    found = SagaTask.objects.get()
    assert found.since > row(execution_id).updated_at
    redefine(WaitFor("approval", assignee=Login("di")), step("b"))
    engine.renew_tasks()
    assert listed() == {"s approval": "di"}
    again = SagaTask.objects.get()
    assert (again.pk, again.since, again.due_at) == (found.pk, found.since, None)
    redefine(PLAIN, step("b"))
    engine.renew_tasks()
    assert (listed(), engine.renew_tasks()) == ({}, 0)


def test_s12_what_this_code_does_not_fit_is_not_renewed(define: Any) -> None:
    start(define, APPROVAL, step("b"), manager="bo")
    redefine(WaitFor("approval", assignee=Login("di")), step("c"))
    assert engine.renew_tasks() == 1
    assert SagaTask.objects.get().assignee == "bo"


def test_all_pages_are_renewed(define: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagas.engine.tasks.LOOKED_AT", 2)
    define(Saga("shop", [PLAIN]))
    engine.start_many("shop", [NewSaga({"manager": "bo"}, f"s-{number}") for number in range(5)])
    redefine(APPROVAL)
    assert engine.renew_tasks() == 5
    assert len(listed()) == 5


def test_what_other_code_has_ended_is_shown_no_more(define: Any) -> None:
    """R15: code of before ends the wait, and knows nothing of tasks."""
    start(define, APPROVAL, step("b"), manager="bo")
    SagaExecution.objects.update(current_steps=["b"])
    assert queries.tasks(queries.TaskFilter(), queries.OPERATOR).tasks == []


def test_what_is_deleted_takes_its_tasks_along(define: Any) -> None:
    """R15: also one that code of before has left."""
    execution_id = start(define, APPROVAL, manager="bo")
    engine.signal("s", "approval", True)
    SagaTask.objects.create(
        execution_id=execution_id, saga_type="shop", step="approval", since=datetime.now(UTC)
    )
    assert engine.prune(timedelta(0), 10) == 1
    assert not SagaTask.objects.exists()


def test_the_migrations_make_the_models() -> None:
    call_command("makemigrations", "sagas", check=True, dry_run=True, verbosity=0)


def test_r15_sagas_run_while_the_table_is_new(define: Any) -> None:
    """Code of before knows no such table, and code of now needs it for tasks alone."""
    call_command("migrate", "sagas", "0003", verbosity=0)
    try:
        execution_id = start(define, step("a"), PLAIN, manager="bo")
        do(execution_id, "a")
    finally:
        call_command("migrate", "sagas", verbosity=0)
    redefine(step("a"), APPROVAL)
    assert engine.renew_tasks() == 1
    assert listed() == {"s approval": "bo"}
