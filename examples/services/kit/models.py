"""The two tables that every service has beside its receipts: the ledger, and its faults."""

from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from saga_participant.models import KEY_LENGTH


class LedgerEntry(models.Model):
    """One thing that happened; a compensation is an entry of its own with the opposite amount.

    Append only: a trigger refuses UPDATE and DELETE.
    """

    key = models.CharField(max_length=KEY_LENGTH, db_index=True)
    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=200)
    amount = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now())


class Fault(models.Model):
    """A way to misbehave, for requests whose path and idempotency key match; see `FaultIn`."""

    path = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    probability = models.FloatField()
    latency = models.FloatField()
    when = models.CharField(max_length=6)
    # None (only be late), an HTTP status, or "drop" (close the connection): as in the request.
    answer: Any = models.JSONField(null=True)
    times = models.PositiveIntegerField(null=True)
    for_seconds = models.FloatField(null=True)
    fired = models.PositiveIntegerField(default=0)
    active_until = models.DateTimeField(null=True)

    def matches(self, path: str, key: str) -> bool:
        """Whether the fault is meant for a request to `path` with this idempotency key."""
        return fnmatchcase(path, self.path) and fnmatchcase(key, self.key)

    def fire(self) -> bool:
        """Count one hit; False if the fault is used up, has run out or was cleared meanwhile.

        One UPDATE tests and counts, so that no two requests can both have the last of `times`.
        """
        hit: dict[str, Any] = {"fired": F("fired") + 1}
        if self.for_seconds is not None:
            end = Now() + timedelta(seconds=self.for_seconds)
            hit["active_until"] = Coalesce("active_until", end)
        still_active = Fault.objects.filter(
            Q(times=None) | Q(fired__lt=F("times")),
            Q(active_until=None) | Q(active_until__gt=Now()),
            pk=self.pk,
        )
        return still_active.update(**hit) == 1
