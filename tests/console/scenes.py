"""Sagas in every state that the console shows, made by the engine itself."""

from datetime import datetime, timedelta
from typing import Any

from sagas import engine
from sagas.machine import Direction, Failure, FailureKind, Rejected
from sagas.models import SagaExecution
from tests.engine.driving import claim

BACK = Direction.COMPENSATION


def start(saga_type: str, saga_id: str, context: Any = None, **options: Any) -> int:
    """Its primary key."""
    given = {"customer": "c-118", "amount_cents": 1990} if context is None else context
    return engine.start(saga_type, given, saga_id=saga_id, **options).execution_id


def succeed(pk: int, *steps: str, direction: Direction = Direction.ACTION, **changes: Any) -> None:
    for step in steps:
        engine.succeed(claim(pk, step, direction), changes or None)


def fail(
    pk: int,
    step: str,
    said: str = "no answer within 5 s",
    *,
    kind: FailureKind = FailureKind.UNKNOWN,
    direction: Direction = Direction.ACTION,
) -> None:
    name = "Timeout" if kind is FailureKind.UNKNOWN else "CardDeclined"
    engine.fail(claim(pk, step, direction), Failure(kind, name, said))


def reject(pk: int, step: str, said: str, direction: Direction = Direction.ACTION) -> None:
    fail(pk, step, said, kind=FailureKind.REJECTED, direction=direction)


def at_card(saga_id: str, **options: Any) -> int:
    """The goods are reserved and packed; the card is to be charged, and a label to be printed."""
    pk = start("checkout", saga_id, **options)
    succeed(pk, "check_customer", customer_name="Alice")
    succeed(pk, "reserve_stock", reservation="res-4b25", shelves=["A7", "B2"])
    succeed(pk, "pack")
    return pk


def retrying(saga_id: str, **options: Any) -> int:
    pk = at_card(saga_id, **options)
    fail(pk, "charge_card")
    return pk


def completed(saga_id: str, **options: Any) -> int:
    pk = at_card(saga_id, **options)
    succeed(pk, "charge_card", payment="pay-9d24")
    succeed(pk, "print_label", "hand_over", "send_mail")
    return pk


def turning_back(saga_id: str, **options: Any) -> int:
    """Half of it is undone."""
    pk = at_card(saga_id, **options)
    succeed(pk, "print_label", label="L-1")
    reject(pk, "charge_card", "credit limit exceeded")
    succeed(pk, "print_label", direction=BACK)
    fail(pk, "pack", "the shelf is locked", direction=BACK)
    return pk


def undone(saga_id: str, **options: Any) -> int:
    pk = start("checkout", saga_id, **options)
    succeed(pk, "check_customer", "reserve_stock")
    engine.cancel(saga_id, by="anna", reason="the customer has called")
    succeed(pk, "reserve_stock", direction=BACK)
    return pk


def stuck(saga_id: str, **options: Any) -> int:
    """It could not be undone."""
    pk = start("checkout", saga_id, **options)
    succeed(pk, "check_customer", "reserve_stock")
    engine.cancel(saga_id, by="anna", reason="the customer has called")
    reject(pk, "reserve_stock", "the goods have left the house", BACK)
    assert SagaExecution.objects.get(pk=pk).status == "failed"
    return pk


def waiting(saga_id: str, **options: Any) -> int:
    pk = start("credit_limit", saga_id, **options)
    succeed(pk, "score", score=512)
    return pk


def paused(saga_id: str, **options: Any) -> int:
    pk = at_card(saga_id, **options)
    engine.pause(saga_id, by="otto", reason="the warehouse is closed")
    return pk


def past_deadline(saga_id: str, deadline: datetime) -> int:
    """Past its pivot, where a deadline turns nothing back; and then the deadline passes."""
    pk = start("checkout", saga_id, deadline=deadline)
    succeed(pk, "check_customer", "reserve_stock", "charge_card", "pack", "print_label")
    succeed(pk, "hand_over")
    found = SagaExecution.objects.get(pk=pk)
    found.options["deadline"] = (deadline - timedelta(days=1)).isoformat()
    found.save(update_fields=["options"])
    return pk


def fan_out(saga_id: str, items: int = 60, **options: Any) -> int:
    """Some items are done, one has turned back."""
    pk = start("labels", saga_id, {"items": list(range(items))}, **options)
    succeed(pk, "open_batch")
    children = SagaExecution.objects.filter(parent_id=pk).order_by("number")
    for place, child in enumerate(children[: items // 2]):
        if place % 9 == 4:
            work = claim(child.pk, "each")
            failure = Failure.of(FailureKind.UNREACHABLE, Rejected("the printer is off"))
            engine.fail(work, failure)
        else:
            succeed(child.pk, "each")
    return pk


def of_every_kind(items: int = 60, **options: Any) -> None:
    """One in each state, and a few more that went well."""
    for number in range(3):
        completed(f"order-{number + 1}", tags=["web"], **options)
    undone("order-4", tags=["vip", "web"], **options)
    fan_out("labels-2026-05", items, **options)
    start("tour", "tour-9", **options)
    start("stocktaking", "stocktaking-1", **options)
    start("stocktaking", "stocktaking-2", **options)
    paused("order-5", **options)
    waiting("credit-c-118", **options)
    retrying("order-6", tags=["vip"], **options)
    stuck("order-8", **options)
    turning_back("order-7", tags=["vip", "web", "gift", "express"], **options)
