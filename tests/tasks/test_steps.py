"""The tasks that are made of a saga's steps."""

from celery import current_app
from django.conf import LazySettings

from sagas.machine import Saga, SagaStep
from tasks.course import FRESH
from tasks.steps import register_tasks


def nothing(context: object) -> None:
    """No effect."""


def test_r4_r20_celery_gives_a_message_the_time_of_the_longest_step_it_may_lead_to(
    settings: LazySettings,
) -> None:
    """Whatever a message says or does not say of it: nothing runs without a limit."""
    settings.RUN_ON_MS = 500
    steps = [SagaStep("quick", nothing, timeout=1), SagaStep("slow", nothing, timeout=9)]
    register_tasks([Saga("limits", steps), Saga("limits", steps[:1], version=2)])
    try:
        for name in ("limits.quick", "limits.slow"):
            assert current_app.tasks[name].soft_time_limit == 9.5 + FRESH
            assert current_app.tasks[name].time_limit == 11.5 + FRESH
    finally:
        for name in ("limits.quick", "limits.slow"):
            current_app.tasks.unregister(name)
