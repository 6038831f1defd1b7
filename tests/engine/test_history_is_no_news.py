"""Migration 0003: what happened before there was an event bus is not sent to it."""

from importlib import import_module
from typing import Any

import pytest
from django.db import connection

from sagas import engine, queries
from sagas.machine import Saga, SagaStep
from sagas.models import SagaExecution


@pytest.mark.django_db(transaction=True)
def test_what_is_there_is_marked_and_what_comes_is_not(
    define: Any, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    define(Saga("shop", [SagaStep("a", lambda context: None)]))
    for _ in range(5):
        engine.start("shop", {})
    migration = import_module("sagas.migrations.0003_relayed_seq")
    monkeypatch.setattr(migration, "BATCH", 2)
    migration.mark_history(None, connection.schema_editor())
    assert queries.relay_lag().events == 0
    assert all(row.relayed_seq == row.last_seq > 0 for row in SagaExecution.objects.all())
    engine.start("shop", {})
    assert queries.relay_lag().executions == 1
