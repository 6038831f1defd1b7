"""Place an order, look at it, and cancel it."""

from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from ninja import Path, Router

from examples.services.kit.idempotency import compensate, perform
from examples.services.kit.models import LedgerEntry
from examples.services.kit.problems import Problem
from examples.services.kit.schemas import Items, Name, Payload, Undo
from examples.services.orders.models import Order, Status

router = Router()


class OrderIn(Payload):
    """Who ordered what, with the reservation and the payment made for it."""

    user_id: Name
    items: Items
    reservation_id: Name
    payment_id: Name


@router.post("/orders")
def post_order(request: HttpRequest, order: OrderIn) -> HttpResponse:
    """201 `{"order_id"}`."""
    return perform(request, order, place)


@router.post("/orders/cancel")
def post_cancel(request: HttpRequest, undo: Undo) -> HttpResponse:
    """Compensation of an order: 200 `{"undone": <bool>}`."""
    return compensate(request, undo, cancel)


@router.get("/orders/{order_id}")
def get_order(request: HttpRequest, order_id: Path[Name]) -> dict[str, object]:
    """One order as it was placed, with its status, placed or cancelled; 404 if there is none."""
    order = Order.objects.filter(order_id=order_id).first()
    if order is None:
        raise Problem(404, "unknown_order", f"There is no order {order_id}: check the id.")
    return {
        "order_id": order.order_id,
        "status": order.status,
        "user_id": order.user_id,
        "items": order.items,
        "reservation_id": order.reservation_id,
        "payment_id": order.payment_id,
    }


def place(key: str, wanted: OrderIn) -> dict[str, str]:
    """Write the order down."""
    order = Order.objects.create(order_id=f"ord_{uuid4().hex}", key=key, **wanted.model_dump())
    LedgerEntry.objects.create(key=key, kind="place", subject=order.order_id, amount=1)
    return {"order_id": order.order_id}


def cancel(key: str, action_key: str) -> None:
    """Mark an order as cancelled."""
    order = Order.objects.get(key=action_key)
    order.status = Status.CANCELLED
    order.save()
    LedgerEntry.objects.create(key=key, kind="cancel", subject=order.order_id, amount=-1)
