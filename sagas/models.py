"""The rows. No behaviour: `sagas.store` writes them, `sagas.queries` reads them.

Choices and constraints are made from the machine's enums, so the database refuses a row that the
machine can't say. Each constraint is read and compiled anew by every statement that writes, each
choice in it by itself; so none repeats another, and there are none on the events, which two
statements of `sagas.store` write, and nothing ever changes.
"""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from sagas.machine import AT_REST, TERMINAL, ExecutionStatus, Outcome
from sagas.task_model import SagaTask

__all__ = ["SagaEvent", "SagaExecution", "SagaLock", "SagaTask"]

_AT_REST = sorted(status.value for status in AT_REST)
_MOVING = sorted(status.value for status in set(ExecutionStatus) - AT_REST)

SAGA_ID_LENGTH = 100
"""Characters of the business key of a saga. It is part of URLs and idempotency keys."""

CHILD_ID_LENGTH = 255
"""Characters of the key that the engine makes for a child: its parent's, the step, a number."""

LOCK_KEY_LENGTH = 200
"""Characters of the name of a lock."""


class SagaExecution(models.Model):
    """One run of a definition: the actor that every transition locks."""

    id = models.BigAutoField(primary_key=True)
    saga_id = models.CharField(
        max_length=CHILD_ID_LENGTH,
        db_collation="C",  # so that one index finds a key and what begins like it
    )
    saga_type = models.CharField(max_length=127)
    version = models.IntegerField()
    definition_digest = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        help_text="The digest of the structure of its definition.",
    )
    input_digest = models.CharField(
        max_length=64,
        help_text="SHA-256 of the input as canonical JSON, to recognise a repeated start (S11).",
    )
    tags = models.JSONField(db_default=[], help_text="Labels to find it by, given at its start.")
    status = models.CharField(
        max_length=16, choices=[(status.value, status.value) for status in ExecutionStatus]
    )
    paused = models.BooleanField(default=False)
    context = models.JSONField()
    steps = models.JSONField(help_text="Step → state, written only by the machine.")
    current_steps = models.JSONField(
        default=list, help_text="The steps that are scheduled or in flight."
    )
    options = models.JSONField(
        db_default={}, help_text="Rarely used: times, locks, and signals that came early."
    )
    revision = models.BigIntegerField(help_text="Increases by one with each saved transition.")
    last_seq = models.BigIntegerField(help_text="The number of the newest event.")
    relayed_seq = models.BigIntegerField(
        db_default=0,
        help_text="The number of the newest event that was published on the event bus.",
    )
    unrelayed = models.GeneratedField(
        # What a transition leaves as it was is not written into an index anew, and `last_seq`
        # changes with each.
        expression=models.ExpressionWrapper(
            Q(relayed_seq__lt=models.F("last_seq")), output_field=models.BooleanField()
        ),
        output_field=models.BooleanField(),
        db_persist=True,
        help_text="Whether it has events that were not published on the event bus yet.",
    )
    wake_at = models.DateTimeField(
        null=True, help_text="When a worker must look at it again, at the latest."
    )
    hints_sent = models.SmallIntegerField(
        default=0, help_text="How often the hints for its present state were sent again."
    )
    blocked_by_queue = models.TextField(
        blank=True,
        db_default="",
        help_text="The full queue for which its hints wait.",
    )
    waits_for_signal = models.BooleanField(
        db_default=False, help_text="Whether it waits only for a signal, without a time limit."
    )
    parent = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.CASCADE,
        related_name="children",
        db_index=False,  # the unique constraint below begins with it
    )
    parent_step = models.CharField(max_length=63, blank=True, db_default="")
    number = models.IntegerField(
        db_default=0, help_text="Its number among the children of that step, from 0."
    )
    root = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,  # there is one below, without those that have none
        help_text="The topmost parent. Locks are held by the whole family.",
    )
    commands = models.JSONField(
        db_default=[], help_text="Commands of the parent that were not carried out yet."
    )
    outcome = models.CharField(
        max_length=16,
        blank=True,
        db_default="",
        help_text="The outcome of a child, for its parent.",
    )
    outcome_taken = models.CharField(
        max_length=16,
        blank=True,
        db_default="",
        help_text="The latest outcome that the parent has processed.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,  # the index below begins with it
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [
            ("start_saga", "Can start sagas of every type"),
            ("operate_saga", "Can operate sagas of every type"),
            ("administer_saga", "Can administer sagas of every type"),
        ]
        constraints = [
            # With `unique=True` Django would add an index for LIKE, which C has no need of.
            models.UniqueConstraint(name="saga_execution_saga_id", fields=["saga_id"]),
            models.CheckConstraint(
                name="saga_execution_status",
                condition=Q(finished_at=None, status__in=_MOVING)
                | Q(finished_at__isnull=False, status__in=_AT_REST),
            ),
            models.CheckConstraint(
                name="saga_execution_wakes",
                # A child at rest may be woken: until its parent has taken what it came to, or
                # because its parent says to undo it.
                condition=Q(finished_at=None, wake_at__isnull=False)
                | Q(finished_at__isnull=False, wake_at=None)
                | Q(parent__isnull=False, wake_at__isnull=False)
                | Q(paused=True)
                | Q(waits_for_signal=True),
            ),
            models.CheckConstraint(
                name="saga_execution_outcome",
                condition=Q(parent=None, outcome="", number=0, parent_step="")
                | Q(parent__isnull=False, outcome__in=["", *(each.value for each in Outcome)]),
            ),
            models.UniqueConstraint(
                name="saga_execution_child",
                fields=["parent", "parent_step", "number"],
                condition=Q(parent__isnull=False),
            ),
            models.CheckConstraint(
                name="saga_execution_numbers",
                condition=Q(version__gte=1, revision__gte=1, last_seq__gte=1),
            ),
        ]
        # A transition that changes a column of any index, or of its condition, writes a new entry
        # into each index that the row is in; one that changes none writes no index at all (HOT).
        # So a step that runs on changes none, and each index has only the rows that it is for.
        indexes = [
            models.Index(
                fields=["wake_at"], name="saga_execution_wake", condition=Q(wake_at__isnull=False)
            ),
            models.Index(
                fields=["blocked_by_queue", "wake_at"],
                name="saga_execution_blocked",
                condition=~Q(blocked_by_queue=""),
            ),
            models.Index(
                # From both ends: the oldest sagas, and the newest.
                fields=["id"],
                name="saga_execution_unrelayed",
                condition=Q(unrelayed=True),
            ),
            models.Index(
                # What ended longest ago, to be deleted: children go with their topmost parent.
                fields=["finished_at", "id"],
                name="saga_execution_ended",
                condition=Q(parent=None, status__in=sorted(status.value for status in TERMINAL)),
            ),
            models.Index(
                fields=["owner", "-id"],
                name="saga_execution_owner",
                condition=Q(owner__isnull=False),
            ),
            models.Index(
                fields=["root"], name="saga_execution_family", condition=Q(root__isnull=False)
            ),
            GinIndex(
                fields=["tags"],
                name="saga_execution_tags",
                opclasses=["jsonb_path_ops"],
                condition=~Q(tags=[]),
            ),
            models.Index(
                fields=["-id"],
                name="saga_execution_failed",  # what a person looks for first
                condition=Q(status=ExecutionStatus.FAILED.value),
            ),
            models.Index(
                fields=["root", "-id"],
                name="saga_execution_trouble",  # what is wrong below, from the top
                condition=Q(status=ExecutionStatus.FAILED.value, root__isnull=False),
            ),
            models.Index(
                # By which definitions live executions go: a few, for however many of them.
                fields=["saga_type", "version", "definition_digest"],
                name="saga_execution_live",
                condition=Q(finished_at=None) | Q(wake_at__isnull=False),
            ),
            models.Index(
                fields=["parent"],
                name="saga_execution_news",
                condition=Q(parent__isnull=False) & ~Q(outcome=models.F("outcome_taken")),
            ),
        ]

    def __str__(self) -> str:
        return self.saga_id


class SagaEvent(models.Model):
    """What happened to an execution, numbered without a gap (S8); rows are only ever added."""

    pk = models.CompositePrimaryKey("execution_id", "seq")
    execution = models.ForeignKey(
        SagaExecution,
        on_delete=models.CASCADE,
        related_name="events",
        db_index=False,  # the primary key begins with it
        db_constraint=False,  # the statement that writes it writes its execution, too
    )
    seq = models.BigIntegerField()
    type = models.CharField(max_length=32)
    step = models.CharField(max_length=63, null=True)
    direction = models.CharField(max_length=12, null=True)
    attempt = models.IntegerField(null=True)
    at = models.DateTimeField()
    status = models.CharField(max_length=16, help_text="The execution's status after this event.")
    data = models.JSONField()

    def __str__(self) -> str:
        return f"{self.execution_id}/{self.seq} {self.type}"


class SagaLock(models.Model):
    """An execution in the queue for a name. `sagas.store.locks` explains who holds the name."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=LOCK_KEY_LENGTH)
    execution = models.ForeignKey(SagaExecution, on_delete=models.CASCADE, related_name="locks")
    family_id = models.BigIntegerField(help_text="The execution's root, or the execution itself.")
    most = models.IntegerField(
        db_default=1, help_text="How many families may hold the name at a time, this one included."
    )
    family_place = models.BigIntegerField(
        null=True, help_text="The place of its family, if that had one before."
    )
    place = models.GeneratedField(
        expression=Coalesce("family_place", "id"),
        output_field=models.BigIntegerField(),
        db_persist=True,
        help_text="The place of its family in the queue: lower numbers come first.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(name="saga_lock_once", fields=["key", "execution"]),
        ]
        indexes = [
            models.Index(fields=["key", "place"], name="saga_lock_place"),
            models.Index(fields=["family_id", "key"], name="saga_lock_family"),
        ]

    def __str__(self) -> str:
        return f"{self.key} by {self.execution_id}"
