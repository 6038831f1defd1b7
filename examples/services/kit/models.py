"""The three tables that every service has: receipts, the ledger, faults."""

import json
from collections.abc import Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.http import HttpResponse

KEY_MAX_LENGTH = 200


class Outcome(models.TextChoices):
    """What became of the request that a receipt stands for."""

    APPLIED = "applied", "an action that had its effect"
    REFUSED = "refused", "an action that a business rule refused"
    UNDONE = "undone", "an action whose effect has been undone"
    TOMBSTONE = "tombstone", "an action undone before it was seen, and refused ever after"
    COMPENSATION = "compensation", "a compensation, whether or not it found anything to undo"


class Receipt(models.Model):
    """The answer to one idempotency key, committed together with the effect that it reports.

    The row is inserted before the effect and filled in by the same transaction, so that a second
    request with the key waits for that transaction and never sees the row without its answer.
    """

    key = models.CharField(max_length=KEY_MAX_LENGTH, primary_key=True)
    # SHA-256 of the request, to tell a repetition from a reuse; empty for a tombstone, because
    # the request that it answers has not been seen.
    fingerprint = models.CharField(max_length=64, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome)
    status = models.PositiveSmallIntegerField(default=0)
    # Text, not jsonb, so that a repeated answer is the same to the byte.
    body = models.TextField(default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(outcome__in=Outcome.values), name="receipt_outcome_is_known"
            )
        ]

    def answer_with(self, status: int, body: Mapping[str, object]) -> None:
        """Fill in the answer, not yet saved."""
        self.status, self.body = status, json.dumps(body)

    def response(self) -> HttpResponse:
        """The stored answer as an HTTP response."""
        return HttpResponse(self.body, status=self.status, content_type="application/json")


class LedgerEntry(models.Model):
    """One thing that happened; a compensation is an entry of its own with the opposite amount.

    Append only: a trigger refuses UPDATE and DELETE.
    """

    key = models.CharField(max_length=KEY_MAX_LENGTH, db_index=True)
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
