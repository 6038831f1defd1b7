"""Old answers are forgotten, in batches, and never those that a saga may still need."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from threading import Event

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models.functions import Now

from saga_participant.models import Receipt
from saga_participant.retention import MINIMUM, prune
from tests.participant.shop import Shop, effects, post

pytestmark = pytest.mark.django_db(transaction=True)


def age(key: str, days: int) -> None:
    """Makes a receipt older."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE saga_participant_receipt"
            " SET changed_at = changed_at - make_interval(days => %s) WHERE key = %s",
            [days, key],
        )


def keys() -> list[str]:
    return list(Receipt.objects.order_by("key").values_list("key", flat=True))


def pruned(*arguments: str) -> str:
    said = StringIO()
    call_command("saga_participant_prune", *arguments, stdout=said)
    return said.getvalue()


def test_it_deletes_in_batches_what_is_older_and_nothing_else(shop: Shop) -> None:
    for number in range(5):
        post(shop.charge, f"old{number}", {})
        age(f"old{number}", 31)
    post(shop.charge, "young", {})
    age("young", 29)
    assert prune(MINIMUM * 4.4, 2) == 2
    assert len(keys()) == 4
    said = pruned("--older-than", "30d", "--batch", "2")
    assert said == "Deleted 3 receipts older than 30 days.\n"
    assert keys() == ["young"]
    assert effects() == ["charge"] * 6


def test_what_was_undone_lately_is_young(shop: Shop) -> None:
    """A late attempt of the action must still find that it was undone."""
    post(shop.charge, "a", {})
    age("a", 31)
    post(shop.refund, "c", {"undoes": "a"})
    pruned("--older-than", "30d")
    assert keys() == ["a", "c"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--older-than", "6d"], "at least 7 days.*give 7d or more"),
        (["--older-than", "30"], "not a number of days"),
        (["--older-than", "0d"], "not a number of days"),
        (["--older-than", "30d", "--batch", "0"], "write 1 or more"),
        ([], "--older-than"),
    ],
)
def test_a_bad_order_deletes_nothing(shop: Shop, arguments: list[str], complaint: str) -> None:
    post(shop.charge, "a", {})
    age("a", 100)
    with pytest.raises(CommandError, match=complaint):
        pruned(*arguments)
    assert keys() == ["a"]


def test_one_that_a_request_holds_is_left_for_the_next_time(shop: Shop) -> None:
    for key in ("held", "free"):
        post(shop.charge, key, {})
        age(key, 31)
    held, go_on = Event(), Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Receipt.objects.filter(key="held").update(changed_at=Now())
                held.set()
                assert go_on.wait(10)
                transaction.set_rollback(True)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        try:
            assert held.wait(10)
            pruned("--older-than", "30d")
            assert keys() == ["held"]
        finally:
            go_on.set()
        holding.result(10)
    pruned("--older-than", "30d")
    assert keys() == []
