"""celery-saga's steps: an empty task and its compensation, the saga's state in Valkey."""

import os
from typing import Any

from celery import Celery
from celery_saga import set_default_backend
from celery_saga.backends import RedisSagaBackend

app = Celery("celery-saga", broker=os.environ["CELERY_BROKER_URL"])
app.set_default()
app.conf.task_ignore_result = True
set_default_backend(RedisSagaBackend(url=os.environ["REDIS_URL"]))


@app.task
def nothing(**context: Any) -> None:
    """No effect."""


@app.task
def undo(data: Any) -> None:
    """No effect."""
