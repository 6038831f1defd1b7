"""A task that is not the engine's: what users have beside their sagas."""

from pathlib import Path

from celery import shared_task
from django.contrib.auth import get_user_model


@shared_task(name="probe.count_users")
def count_users(path: str) -> None:
    number = get_user_model().objects.count()
    with Path(path).open("a") as lines:
        lines.write(f"{number}\n")
