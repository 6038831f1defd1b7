"""The results that Celery stores of the engine's tasks: the tracebacks of failed attempts."""

from datetime import timedelta
from typing import Final

from celery import current_app
from django.db.models.functions import Now

from sagas.worker.steps import StepTask

BATCH: Final = 1000
"""Rows to a deletion: some milliseconds."""


def delete_expired() -> int:
    """Deletes results of the engine's own tasks that are older than CELERY_RESULT_EXPIRES, a batch
    of them; how many they were. What else is stored there is the project's to keep or delete.

    They are known by their task's name, which is stored with CELERY_RESULT_EXTENDED alone. Backends
    other than `django-db` are left alone.
    """
    backend = current_app.backend
    if not backend.expires or type(backend).__module__.split(".")[0] != "django_celery_results":
        return 0
    names = [name for name, task in current_app.tasks.items() if isinstance(task, StepTask)]
    old = backend.TaskModel.objects.filter(
        task_name__in=names, date_done__lt=Now() - timedelta(seconds=backend.expires)
    )
    batch = list(old.values_list("pk", flat=True)[:BATCH])
    deleted, _ = backend.TaskModel.objects.filter(pk__in=batch).delete() if batch else (0, {})
    return int(deleted)
