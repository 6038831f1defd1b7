"""What the consumers of events remember. No behaviour: see `sagas.bus.dead_letters` and
`handling`."""

from django.db import models
from django.db.models import Q

HANDLER_LENGTH = 200
"""Characters of a handler's name: a module's path and a function's name."""

EVENT_ID_LENGTH = 200
"""Characters of an event's id. Ours are UUIDs; other services may have longer ones."""

NOTED_LENGTH = EVENT_ID_LENGTH + 1
"""Characters of it here: those of other services have a mark before them."""

KEY_LENGTH = 255
"""Bytes of a routing key and of an exchange's name (AMQP 0-9-1, short strings)."""


class HandledEvent(models.Model):
    """An event whose effect is there: written in the transaction that made it."""

    pk = models.CompositePrimaryKey("handler", "event_id")
    handler = models.CharField(max_length=HANDLER_LENGTH)
    event_id = models.CharField(max_length=NOTED_LENGTH)
    handled_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.event_id} by {self.handler}"


class DeadLetter(models.Model):
    """A message that a handler could not deal with. With `retry_at` it is tried again then;
    without, it waits for a person."""

    id = models.BigAutoField(primary_key=True)
    handler = models.CharField(max_length=HANDLER_LENGTH)
    event_id = models.CharField(
        max_length=NOTED_LENGTH, blank=True, help_text="Empty if the message could not be read."
    )
    exchange = models.CharField(max_length=KEY_LENGTH, blank=True)
    routing_key = models.CharField(max_length=KEY_LENGTH, blank=True)
    headers = models.TextField(
        blank=True, help_text="The message's headers as JSON; not validated."
    )
    body = models.BinaryField(help_text="The body as it was received.")
    size = models.PositiveBigIntegerField(help_text="The size of the whole body in bytes.")
    reason = models.TextField()
    traceback = models.TextField(blank=True)
    tries = models.PositiveIntegerField()
    retry_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="sagas_bus_deadletter_once",
                fields=["handler", "event_id"],
                condition=~Q(event_id=""),
            ),
        ]
        indexes = [
            models.Index(
                fields=["retry_at"],
                name="sagas_bus_deadletter_due",
                condition=Q(retry_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.routing_key} for {self.handler}"
