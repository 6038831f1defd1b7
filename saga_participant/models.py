"""The one table of the kit: what was answered under each idempotency key."""

import json
from typing import Any, ClassVar, Final

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpResponse

KEY_LENGTH: Final = 400
"""Characters of a key. A child of a saga has an id of up to 255, and its keys add the step (63) and
the direction (12): a shorter limit would refuse them."""

ANSWER_LIMIT: Final = 256 * 1024
"""Bytes of an answer that is kept: what a saga's whole context may hold. One that is larger is an
error in the view, and no answer to remember for a month."""


class Outcome(models.TextChoices):
    """What became of the request that a receipt stands for."""

    APPLIED = "applied", "an action that had its effect"
    REFUSED = "refused", "an action that was refused"
    UNDONE = "undone", "an action whose effect has been undone"
    TOMBSTONE = "tombstone", "an action undone before it was seen, and refused ever after"
    COMPENSATION = "compensation", "a compensation, whether or not it found anything to undo"


class Receipt(models.Model):
    """The answer to one idempotency key, committed together with the effect that it reports.

    The row is inserted before the effect and filled in by the same transaction. So a second request
    with the key waits for that transaction, and nobody ever sees the row without its answer.
    """

    key = models.CharField(max_length=KEY_LENGTH, primary_key=True)
    operation = models.CharField(max_length=100, help_text="The action, as its decorator names it.")
    outcome = models.CharField(max_length=12, choices=Outcome)
    fingerprint = models.CharField(
        max_length=64,
        blank=True,
        help_text="SHA-256 of the request, to tell a repetition from a reuse. Empty for a "
        "tombstone: the request that it answers has not been seen.",
    )
    status = models.PositiveSmallIntegerField(default=0)
    content_type = models.CharField(max_length=255, default="")
    body = models.BinaryField(default=b"")
    changed_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(outcome__in=Outcome.values), name="saga_participant_outcome_is_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.operation}, {self.outcome}"

    def remember(self, response: HttpResponse) -> None:
        """Saves the answer: status, body and content type. Other headers are not kept.

        Raises ValueError for one that can't be kept: a stream, or more than `ANSWER_LIMIT` bytes.
        """
        if response.streaming:
            raise ValueError(f"{self.operation} answers with a stream: answer with a whole body.")
        if len(response.content) > ANSWER_LIMIT:
            raise ValueError(
                f"{self.operation} answers with {len(response.content)} bytes, and at most "
                f"{ANSWER_LIMIT} are kept: answer with an id, and let the caller GET the rest."
            )
        self.status, self.body = response.status_code, response.content
        self.content_type = response.headers.get("Content-Type", "")
        self.save()

    def response(self) -> HttpResponse:
        """The stored answer, the same to the byte."""
        return HttpResponse(
            bytes(self.body), status=self.status, content_type=self.content_type or None
        )

    def answer(self) -> Any:
        """What the action answered, out of its JSON; raises ValueError if that was none."""
        return json.loads(bytes(self.body))
