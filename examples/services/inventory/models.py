"""The tables of stock and reservations."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Stock(models.Model):
    """How many pieces of one article can still be reserved."""

    sku = models.CharField(max_length=200, primary_key=True)
    available = models.IntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(available__gte=0), name="stock_is_never_negative")
        ]


class Reservation(models.Model):
    """Pieces taken out of the stock by one request, or given back since."""

    reservation_id = models.CharField(max_length=40, primary_key=True)
    items = models.JSONField()  # {sku: quantity}
    released = models.BooleanField(default=False)
