"""The tasks that are made of a saga's steps."""

from typing import Any

from celery import current_app

from sagas.machine import Saga, SagaStep
from sagas.worker.step_request import StepRequest
from sagas.worker.steps import register_tasks


def test_r4_r20_no_message_has_limits_of_celerys() -> None:
    """They would strike what runs after it. What the message says of them is ignored, too."""
    register_tasks([Saga("limits", [SagaStep("a", lambda _: None, timeout=1)])])
    try:
        task = current_app.tasks["limits.a"]
        assert (task.soft_time_limit, task.time_limit) == (None, None)
    finally:
        current_app.tasks.unregister("limits.a")
    request: Any = StepRequest.__new__(StepRequest)
    request.time_limits = [0.1, 0.1]
    assert request.time_limits == (None, None)
