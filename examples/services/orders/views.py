"""Place an order, look at orders, move one on, and cancel it."""

from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Path, Router

from examples.services.kit.models import LedgerEntry
from examples.services.kit.schemas import Items, Limit, Name, Payload
from examples.services.orders.models import MOVES, Order, Status
from saga_participant.decorators import compensates, idempotent
from saga_participant.models import Receipt
from saga_participant.problems import Problem, RequestRefused
from saga_participant.requests import idempotency_key

router = Router()


class OrderIn(Payload):
    """Who ordered what, with the reservation and the payment made for it."""

    user_id: Name
    items: Items
    reservation_id: Name
    payment_id: Name


class StatusIn(Payload):
    """Where the order is to stand."""

    status: Status


@router.post("/orders")
@idempotent("orders.place")
def post_order(request: HttpRequest, wanted: OrderIn) -> HttpResponse:
    """201 `{"order_id"}`."""
    order = Order.objects.create(order_id=f"ord_{uuid4().hex}", **wanted.model_dump())
    write_down(request, "place", order, 1)
    return JsonResponse({"order_id": order.order_id}, status=201)


@router.post("/orders/cancel")
@compensates("orders.place")
def post_cancel(request: HttpRequest, action: Receipt) -> None:
    """Compensation of an order. One that has been shipped is refused with 409: a person has to get
    the parcel back. One that has been cancelled already is left as it is."""
    order = lock_order(action.answer()["order_id"])
    if order.status != Status.CANCELLED:
        move(request, order, Status.CANCELLED)


@router.get("/orders")
def get_orders(request: HttpRequest, user_id: Name, limit: Limit = 20) -> dict[str, object]:
    """The newest orders of a user: `{"orders": [...]}`, empty for a user without any."""
    found = Order.objects.filter(user_id=user_id).order_by("-placed_at", "order_id")[:limit]
    return {"orders": [describe(order) for order in found]}


@router.get("/orders/{order_id}")
def get_order(request: HttpRequest, order_id: Path[Name]) -> dict[str, object]:
    """One order as it was placed, with its status; 404 if there is none."""
    order = Order.objects.filter(order_id=order_id).first()
    if order is None:
        raise unknown(order_id)
    return describe(order)


@router.patch("/orders/{order_id}")
@idempotent("orders.move")
def patch_order(request: HttpRequest, order_id: Path[Name], wanted: StatusIn) -> HttpResponse:
    """200 with the order; refused with 404 for an unknown one, 409 for a move that `MOVES` lacks.

    placed → shipped → delivered, or placed → cancelled.
    """
    order = lock_order(order_id)
    move(request, order, wanted.status)
    return JsonResponse(describe(order))


def lock_order(order_id: str) -> Order:
    """The order, locked; refused with 404."""
    order: Order | None = Order.objects.select_for_update().filter(order_id=order_id).first()
    if order is None:
        raise unknown(order_id, RequestRefused)
    return order


def unknown(order_id: str, kind: type[Problem] = Problem) -> Problem:
    """That there is no such order: the answer to a question, or a refusal to remember."""
    return kind(404, "unknown_order", f"There is no order {order_id}: check the id.")


def move(request: HttpRequest, order: Order, status: Status) -> None:
    """Move a locked order on, and write that down, or raise RequestRefused."""
    now = Status(order.status)
    if status not in MOVES[now]:
        allowed = " or ".join(MOVES[now]) or "nothing else"
        message = f"{order.order_id} is {now}, and can become {allowed}: {status} it can't."
        raise RequestRefused(409, "move_not_allowed", message)
    order.status = status
    order.save()
    cancelled = status == Status.CANCELLED
    write_down(request, "cancel" if cancelled else status, order, -1 if cancelled else 0)


def write_down(request: HttpRequest, kind: str, order: Order, amount: int) -> None:
    """An entry into the ledger, under the key of the request."""
    LedgerEntry.objects.create(
        key=idempotency_key(request), kind=kind, subject=order.order_id, amount=amount
    )


def describe(order: Order) -> dict[str, Any]:
    """An order as callers see it."""
    return {
        "order_id": order.order_id,
        "status": order.status,
        "user_id": order.user_id,
        "items": order.items,
        "reservation_id": order.reservation_id,
        "payment_id": order.payment_id,
    }
