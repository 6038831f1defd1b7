"""Tasks that wait for a person: `sagas.store` writes them, `sagas.queries` reads them."""

from django.db import models

from sagas.machine.tasks import LONGEST_LOGIN


class SagaTask(models.Model):
    """A wait that is a task for a person: there for as long as it waits. Who may do it, the saga's
    definition says."""

    id = models.BigAutoField(primary_key=True)
    execution = models.ForeignKey(
        "sagas.SagaExecution",
        on_delete=models.CASCADE,
        related_name="tasks",
        db_index=False,  # the unique constraint below begins with it
        db_constraint=False,  # written with its execution, and deleted with it
    )
    saga_type = models.CharField(max_length=127)
    step = models.CharField(max_length=63)
    assignee = models.CharField(
        max_length=LONGEST_LOGIN, blank=True, db_default="", help_text="A login; empty for nobody."
    )
    since = models.DateTimeField(help_text="When the wait began.")
    due_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="saga_task_once", fields=["execution", "step"]),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], name="saga_task_due"),
            models.Index(fields=["saga_type", "step", "due_at", "id"], name="saga_task_type"),
            models.Index(
                fields=["assignee", "due_at", "id"],
                name="saga_task_assignee",
                condition=~models.Q(assignee=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.execution_id}/{self.step}"
