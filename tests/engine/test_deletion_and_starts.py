"""R19 against S11: a saga_id is started again while the execution that had it is deleted."""

import threading
from typing import Any

import pytest
from django.db import transaction

from sagas import engine
from sagas.machine import Saga, SagaStep
from sagas.models import SagaEvent
from sagas.store import deletion, executions
from tests.engine.driving import ORDER
from tests.engine.test_deletion import MONTH, age, does, ended, left
from tests.engine.test_races import someone_is_blocked, together
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("keeps", [True, False])
def test_r19_s11_a_start_while_it_is_deleted_waits_for_what_becomes_of_it(
    define: Any, committed: Any, keeps: bool
) -> None:
    define(Saga("shop", [SagaStep("a", does)]))
    old = ended("s", committed)
    age()
    deleting = threading.Event()

    def prune() -> None:
        with transaction.atomic():
            [family] = deletion.ended(MONTH.total_seconds(), 10, only_relayed=False)
            deletion.delete(family)
            deleting.set()
            wait_until(someone_is_blocked)
            transaction.set_rollback(keeps)

    def start() -> engine.Started:
        assert deleting.wait(10)
        return engine.start("shop", ORDER, saga_id="s")

    _, started = together(lambda number: [prune, start][number](), 2)
    assert started.created is not keeps
    assert (started.execution_id == old) is keeps
    assert left() == ["s"]
    assert SagaEvent.objects.filter(type="saga.started").count() == 1


@pytest.mark.parametrize("locks", [None, lambda context: ["till"]])
def test_r19_s11_a_start_just_before_its_deletion_gets_the_old_or_a_new_one(
    define: Any, committed: Any, monkeypatch: pytest.MonkeyPatch, locks: Any
) -> None:
    """The saga_id is taken as it is inserted, and free as it is looked up; or, with locks, taken
    as it is looked up, and deleted right after."""
    define(Saga("shop", [SagaStep("a", does)], locks=locks))
    old = ended("s", committed)
    age()
    find = executions.find

    def find_after_deletion(*saga_ids: str) -> Any:
        found = find(*saga_ids)
        together(lambda _: engine.prune(MONTH, 10), 1)
        return found if locks else find(*saga_ids)

    monkeypatch.setattr(executions, "find", find_after_deletion)
    started = engine.start("shop", ORDER, saga_id="s")
    assert started.created is (locks is None)
    assert (started.execution_id == old) is (locks is not None)
    assert left() == (["s"] if locks is None else [])
