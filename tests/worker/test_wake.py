"""The wake loop as a thread of its own, as a worker runs it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_celery_results.models import TaskResult

from sagas.machine import SagaStep
from sagas.worker import results, wake_loop
from tests.waiting import wait_until
from tests.worker.calls import note


@pytest.mark.django_db(transaction=True)
def test_old_results_of_the_engine_are_deleted_and_no_others(
    monkeypatch: pytest.MonkeyPatch, worker: Any
) -> None:
    """Those of the project's own tasks are its own, whatever their age."""
    worker([SagaStep("a", note)])
    monkeypatch.setattr(results, "BATCH", 2)
    old, young = timedelta(days=8), timedelta(days=6)
    for name, task, age in (
        ("young", "shop.a", young),
        ("other", "project.report", old),
        ("unnamed", None, old),
        *((f"old-{number}", "shop.a", old) for number in range(5)),
    ):
        TaskResult.objects.create(task_id=name, task_name=task)
        TaskResult.objects.filter(task_id=name).update(date_done=timezone.now() - age)
    monkeypatch.setattr(wake_loop, "INTERVAL", 0.01)
    monkeypatch.setattr(wake_loop, "CLEANING_INTERVAL", 0.0)
    loop = wake_loop.WakeLoop(None)
    loop.start(None)
    try:
        old = TaskResult.objects.filter(task_id__startswith="old-")
        wait_until(lambda: not old.exists(), "the cleaning")
    finally:
        loop.stop(None)
    left = TaskResult.objects.values_list("task_id", flat=True)
    assert set(left) == {"young", "other", "unnamed"}
