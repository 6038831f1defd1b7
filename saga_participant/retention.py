"""How long the answers are kept."""

from datetime import timedelta
from typing import Final

from django.db import router, transaction
from django.db.models.functions import Now

from saga_participant.models import Receipt

MINIMUM: Final = timedelta(days=7)
"""A compensation that finds no receipt takes its action for one that never came, and undoes
nothing. So a receipt must outlive the saga: its retries, its pauses, a person away for a week."""


def prune(older_than: timedelta, limit: int) -> int:
    """Deletes at most `limit` receipts that last changed longer than `older_than` ago, and returns
    how many. A receipt that a request holds is left for the next time. Raises ValueError below
    `MINIMUM`."""
    if older_than < MINIMUM:
        raise ValueError(
            f"Receipts are kept for at least {MINIMUM.days} days, because a saga that lives longer "
            f"than they do could undo nothing: give {MINIMUM.days}d or more."
        )
    with transaction.atomic(using=router.db_for_write(Receipt)):
        old = (
            Receipt.objects.select_for_update(skip_locked=True)
            .filter(changed_at__lt=Now() - older_than)
            .order_by("changed_at")
            .values_list("pk", flat=True)[:limit]
        )
        deleted, _ = Receipt.objects.filter(pk__in=list(old)).delete()
        return deleted
