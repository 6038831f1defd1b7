"""The wake loop as a thread of its own, as a worker runs it."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone
from django_celery_results.models import TaskResult

from tasks import wake


@pytest.mark.django_db(transaction=True)
def test_old_results_are_deleted_and_young_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, age in (("old", timedelta(days=8)), ("young", timedelta(days=6))):
        TaskResult.objects.create(task_id=name)
        TaskResult.objects.filter(task_id=name).update(date_done=timezone.now() - age)
    monkeypatch.setattr(wake, "INTERVAL", 0.01)
    monkeypatch.setattr(wake, "CLEANING_INTERVAL", 0.0)
    loop = wake.WakeLoop(None)
    loop.start(None)
    pause = threading.Event()
    try:
        for _ in range(500):
            if not TaskResult.objects.filter(task_id="old").exists():
                break
            pause.wait(0.01)
    finally:
        loop.stop(None)
    assert list(TaskResult.objects.values_list("task_id", flat=True)) == ["young"]
