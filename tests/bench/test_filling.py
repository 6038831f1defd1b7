"""A table full of copies: each is what the engine itself would have written."""

from typing import Any

import pytest
from django.db import connection

from bench.filling import multiply
from bench.sections.growth import FINISHED, PARKED
from bench.sections.wake import DUE
from sagas import engine
from sagas.machine import Saga, SagaStep, WaitFor
from sagas.models import SagaExecution
from sagas.testing.workers import work_off
from tests.engine.driving import check_history, row

pytestmark = pytest.mark.django_db(transaction=True)


def nothing(context: Any) -> None:
    return None


def url() -> str:
    """Of the test's database, as a program outside would name it."""
    found = connection.settings_dict
    host = found["HOST"].replace("/", "%2F")
    port = f":{found['PORT']}" if found["PORT"] else ""
    return f"postgresql://{found['USER']}:{found['PASSWORD']}@{host}{port}/{found['NAME']}"


def test_s8_a_copy_of_a_finished_execution_has_its_history(define: Any, committed: Any) -> None:
    define(Saga("shop", [SagaStep("a", nothing)]))
    one = engine.start("shop", {"n": 1}).execution_id
    work_off(committed)
    multiply(url(), one, 3, "old-", FINISHED)
    copies = SagaExecution.objects.filter(saga_id__startswith="old-")
    assert [each.status for each in copies] == ["completed"] * 3
    for copy in copies:
        check_history(copy.pk)


def test_a_parked_copy_waits_and_its_signal_moves_it(define: Any, committed: Any) -> None:
    define(Saga("shop", [WaitFor("word"), SagaStep("a", nothing)]))
    one = engine.start("shop", {}).execution_id
    work_off(committed)
    multiply(url(), one, 1, "parked-", PARKED)
    engine.signal("parked-1", "word")
    work_off(committed)
    assert SagaExecution.objects.get(saga_id="parked-1").status == "completed"


def test_a_due_copy_is_woken_without_a_hint(define: Any, committed: Any) -> None:
    define(Saga("shop", [SagaStep("a", nothing)]))
    one = engine.start("shop", {}).execution_id
    multiply(url(), one, 5, "due-", DUE)
    committed.clear()
    work_off(committed)
    ended = SagaExecution.objects.filter(saga_id__startswith="due-", status="completed")
    assert ended.count() == 5
    assert row(one).status == "pending"
