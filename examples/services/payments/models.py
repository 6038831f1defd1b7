"""The table of payments."""

from django.db import models


class Payment(models.Model):
    """One charge to a card, or one that has been refunded since. The card itself is not kept."""

    payment_id = models.CharField(max_length=40, primary_key=True)
    key = models.CharField(max_length=200, unique=True)
    user_id = models.CharField(max_length=200)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    refunded = models.BooleanField(default=False)
