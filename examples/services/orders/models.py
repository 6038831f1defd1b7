"""The table of orders."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Status(models.TextChoices):
    """Where an order stands."""

    PLACED = "placed"
    CANCELLED = "cancelled"


class Order(models.Model):
    """What a user has ordered, with the names that other services gave to their part of it."""

    order_id = models.CharField(max_length=40, primary_key=True)
    key = models.CharField(max_length=200, unique=True)
    user_id = models.CharField(max_length=200)
    items = models.JSONField()  # [{"sku": ..., "quantity": ...}]
    reservation_id = models.CharField(max_length=200)
    payment_id = models.CharField(max_length=200)
    status = models.CharField(max_length=9, choices=Status, default=Status.PLACED)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="order_status_is_known"
            )
        ]
