"""The table of orders."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Status(models.TextChoices):
    """Where an order stands."""

    PLACED = "placed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


# What may follow. A parcel on its way can't be cancelled.
MOVES = {
    Status.PLACED: (Status.SHIPPED, Status.CANCELLED),
    Status.SHIPPED: (Status.DELIVERED,),
    Status.DELIVERED: (),
    Status.CANCELLED: (),
}


class Order(models.Model):
    """What a user has ordered, with the names that other services gave to their part of it."""

    order_id = models.CharField(max_length=40, primary_key=True)
    user_id = models.CharField(max_length=200)
    items = models.JSONField()  # [{"sku": ..., "quantity": ...}]
    reservation_id = models.CharField(max_length=200)
    payment_id = models.CharField(max_length=200)
    status = models.CharField(max_length=9, choices=Status, default=Status.PLACED)
    placed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="order_status_is_known"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["user_id", "-placed_at"], name="order_by_user")]
