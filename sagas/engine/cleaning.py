"""Deleting what is long over."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from sagas.store import deletion


def prune(older_than: timedelta, limit: int) -> int:
    """Deletes no more than `limit` sagas that ended longer than `older_than` ago, with their
    children and events; how many. One that somebody is at work on is left for the next time, and
    so is one with an event that is not on the bus yet, if there is a bus (R19).
    """
    with transaction.atomic(durable=True):
        return deletion.delete_ended(
            older_than.total_seconds(), limit, only_relayed=bool(settings.EVENTS_URL)
        )
