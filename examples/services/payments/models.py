"""The table of payments."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class Payment(models.Model):
    """One charge to a card, and how much of it was given back. The card itself is not kept."""

    payment_id = models.CharField(max_length=40, primary_key=True)
    user_id = models.CharField(max_length=200)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    refunded_cents = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(refunded_cents__gte=0, refunded_cents__lte=F("amount_cents")),
                name="payment_refund_is_within_the_amount",
            )
        ]

    @property
    def status(self) -> str:
        """charged, partly_refunded or refunded."""
        if self.refunded_cents == 0:
            return "charged"
        return "refunded" if self.refunded_cents == self.amount_cents else "partly_refunded"
