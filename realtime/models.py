"""Customers, and the conversations on their orders. No behaviour: `realtime.conversations` and
`realtime.handlers` write them.

A conversation belongs to an execution by its number, without a foreign key: the library deletes old
executions by statements of its own, which know nothing of this application. And not by its saga_id:
that may be used again after a deletion, by somebody else.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from sagas.models import CHILD_ID_LENGTH

TEXT_LENGTH = 2000
"""Characters of a message: a screen or two. Longer texts are letters."""

MOST_MESSAGES = 10_000
"""Messages of one conversation. More is no conversation, but a program gone wrong."""

NAME_LENGTH = 100
CUSTOMER_ID_LENGTH = 64
"""Characters; what an order may say as its `user_id` (tasks/order.py)."""


class Customer(models.Model):
    """Somebody of whom the users service has told."""

    id = models.BigAutoField(primary_key=True)
    customer_id = models.CharField(
        max_length=CUSTOMER_ID_LENGTH,
        unique=True,
        help_text="The customer's id in the users service.",
    )
    name = models.CharField(max_length=NAME_LENGTH)
    account = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The account that they log in with. It owns their orders.",
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="realtime_customer_has_names", condition=~Q(customer_id="") & ~Q(name="")
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.customer_id})"


class Conversation(models.Model):
    """That of one order. Its row is locked by whoever writes a message, so numbers have no gap."""

    id = models.BigAutoField(primary_key=True)
    execution_id = models.BigIntegerField(unique=True)
    saga_id = models.CharField(max_length=CHILD_ID_LENGTH, db_index=True)
    last_number = models.IntegerField(db_default=0, help_text="The number of the newest message.")
    opened_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="realtime_conversation_length",
                condition=Q(last_number__gte=0, last_number__lte=MOST_MESSAGES),
            )
        ]

    def __str__(self) -> str:
        return self.saga_id


class Assignment(models.Model):
    """Somebody of the staff who is on an order: they read and write its conversation."""

    id = models.BigAutoField(primary_key=True)
    conversation = models.ForeignKey(
        Conversation,
        on_delete=models.CASCADE,
        related_name="assignments",
        db_index=False,  # the unique constraint begins with it
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="realtime_assignment_once", fields=["conversation", "user"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} on {self.conversation}"


class Role(models.TextChoices):
    """As whom somebody writes."""

    CUSTOMER = "customer"
    STAFF = "staff"
    NOTICE = "notice"
    """Nobody: what the page itself tells."""


class Message(models.Model):
    """One line of a conversation; rows are only ever added."""

    id = models.BigAutoField(primary_key=True)
    conversation = models.ForeignKey(
        Conversation,
        on_delete=models.CASCADE,
        related_name="messages",
        db_index=False,  # the unique constraint begins with it
    )
    number = models.IntegerField(help_text="1, 2, 3 … within this conversation, without gaps.")
    role = models.CharField(max_length=8, choices=Role)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,  # the index below begins with it
    )
    author_name = models.CharField(
        max_length=NAME_LENGTH,
        blank=True,
        help_text="The author's name when the message was written.",
    )
    key = models.UUIDField(
        help_text="Chosen by the sender; the same for every repetition of a message."
    )
    text = models.CharField(max_length=TEXT_LENGTH)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="realtime_message_number", fields=["conversation", "number"]
            ),
            models.UniqueConstraint(name="realtime_message_once", fields=["conversation", "key"]),
            models.CheckConstraint(
                name="realtime_message_is_whole", condition=Q(number__gte=1) & ~Q(text="")
            ),
            models.CheckConstraint(
                name="realtime_message_role",
                condition=Q(role=Role.NOTICE, author_name="", author=None)
                | (Q(role__in=[Role.CUSTOMER, Role.STAFF]) & ~Q(author_name="")),
            ),
        ]
        indexes = [
            models.Index(
                # How many somebody wrote of late.
                fields=["author", "-at"],
                name="realtime_message_author",
                condition=Q(author__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id}/{self.number}"
