"""`manage.py saga compat`: would what is under way go on with the code at hand? (S12)"""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from sagas import engine
from sagas.machine import ForEach, Parallel, Saga, SubSaga, WaitFor
from sagas.management import compatibility
from sagas.models import SagaExecution
from tests.engine.driving import ORDER, row
from tests.engine.test_races import together
from tests.engine.test_versions import begun, do, does, forget, redefine, step

__all__ = ["begun"]  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)


def compat(*options: str) -> str:
    said = StringIO()
    try:
        call_command("saga", "compat", *options, stdout=said)
    except CommandError:
        print(said.getvalue())
        raise
    return said.getvalue()


def test_s12_all_that_is_live_is_run_through_the_code(define: Any, committed: Any) -> None:
    each = ForEach("each", over="items", action=does, compensation=does)
    define(Saga("pack", [step("fold")]))
    define(Saga("shop", [step("a"), Parallel(each, SubSaga("pack")), WaitFor("paid"), step("b")]))
    for number, steps in enumerate(["", "a", "a"]):
        started = engine.start("shop", {"items": [1, 2]}, saga_id=f"s-{number}")
        do(started.execution_id, *steps)
    do(SagaExecution.objects.get(saga_id="s-1~each.0").pk, "each")
    engine.cancel("s-2", by="anna")
    engine.pause("s-0", by="anna")
    assert compat() == (
        "Looked at 9 live execution(s): 0 would break, 0 began with another definition and can go "
        "on.\n"
    )


def test_s12_what_would_break_is_listed_and_fails(
    begun: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    redefine(step("a"), step("new"), step("b"))
    with pytest.raises(CommandError, match="1 of 3 would break") as refused:
        compat()
    assert refused.value.returncode == 1
    text = capsys.readouterr().out
    assert "Looked at 3 live execution(s): 1 would break, 2 began with another" in text
    assert "shop, version 1: step-inserted, 1 execution(s) (s-0)" in text
    assert "shop, version 1: definition-changed, 2 execution(s) (s-2, s-1)" in text


def test_s12_what_would_break_as_json(begun: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3, 7):
        engine.start("shop", ORDER, saga_id=f"s-{number}")
    forget()
    with pytest.raises(CommandError):
        compat("--format", "json")
    found = json.loads(capsys.readouterr().out)
    [problem] = found.pop("problems")
    assert found == {"looked_at": 7, "would_break": 7, "changed": 0}
    assert "Keep it in sagas.py" in problem.pop("message")
    assert problem == {
        "saga_type": "shop",
        "version": 1,
        "problem": "unknown-definition",
        "step": None,
        "executions": 7,
        "examples": ["s-6", "s-5", "s-4"],
    }


def test_a_change_that_all_can_go_on_with_is_told_and_passes(begun: list[int]) -> None:
    redefine(step("a"), step("b"), step("new"))
    assert "0 would break, 3 began with another definition" in compat()


def test_s8_a_row_that_is_not_what_its_events_say_fails(
    begun: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    SagaExecution.objects.filter(pk=begun[1]).update(context={"order": 2})
    with pytest.raises(CommandError, match="1 of 3"):
        compat()
    assert "other-history, 1 execution(s) (s-1)" in capsys.readouterr().out


def test_nothing_is_written(begun: list[int]) -> None:
    redefine(step("a"), step("b"), step("new"))
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        try:
            assert "Looked at 3" in compat()
        finally:
            cursor.execute("SET default_transaction_read_only = off")


def test_what_works_meanwhile_is_not_seen_half(begun: list[int]) -> None:
    """A worker commits between the reading of the rows and of their events."""
    moved: list[Any] = []

    def move(execute: Any, sql: str, *rest: Any) -> Any:
        if "sagas_sagaevent" in sql and not moved:
            moved.append(together(lambda _: do(begun[0], "b"), 1))
        return execute(sql, *rest)

    with connection.execute_wrapper(move):
        assert "Looked at 3 live execution(s): 0 would break" in compat()
    assert row(begun[0]).status == "completed"


@pytest.mark.parametrize(("limit", "looked_at"), [(1, 1), (2, 2), (3, 3), (4, 4), (9, 5)])
def test_it_reads_in_batches(
    begun: list[int], monkeypatch: pytest.MonkeyPatch, limit: int, looked_at: int
) -> None:
    monkeypatch.setattr(compatibility, "BATCH", 2)
    for _ in range(2):
        engine.start("shop", ORDER)
    assert "Looked at 5 " in compat()
    assert f"Looked at {looked_at} " in compat("--limit", str(limit))


def test_one_type_alone(begun: list[int], define: Any) -> None:
    define(Saga("other", [step("a")]))
    engine.start("other", ORDER)
    assert "Looked at 4 " in compat()
    assert "Looked at 1 " in compat("--type", "other")
    assert "Looked at 4 " in compat("--type", "other", "--type", "shop")


def test_r15_without_its_migrations_it_says_what_to_do(begun: list[int]) -> None:
    column = "sagas_sagaexecution RENAME COLUMN {} TO {}"
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE " + column.format("definition_digest", "not_yet"))
        try:
            with pytest.raises(CommandError, match="Migrate first"):
                compat()
        finally:
            cursor.execute("ALTER TABLE " + column.format("not_yet", "definition_digest"))


def test_s12_a_completed_child_is_live_as_long_as_its_family(define: Any) -> None:
    define(Saga("pack", [step("fold")]))
    define(Saga("shop", [SubSaga("pack"), step("b")]))
    started = engine.start("shop", ORDER, saga_id="s")
    do(SagaExecution.objects.get(saga_id="s~pack").pk, "fold")
    forget("pack")
    with pytest.raises(CommandError, match="1 of 2 would break"):
        compat()
    do(started.execution_id, "b")
    assert "Looked at 0 " in compat()
