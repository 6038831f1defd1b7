"""Reserve pieces of several articles at once, and release them."""

from collections.abc import Iterable
from typing import Annotated
from uuid import uuid4

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router
from pydantic import AfterValidator

from examples.services.inventory.models import Reservation, Stock
from examples.services.kit.models import LedgerEntry
from examples.services.kit.schemas import Item, Items, Payload
from saga_participant.decorators import compensates, idempotent
from saga_participant.models import Receipt
from saga_participant.problems import RequestRefused
from saga_participant.requests import idempotency_key

router = Router()


def each_sku_once(items: list[Item]) -> list[Item]:
    """`items`, unless one article is named twice (ValueError)."""
    if len({item.sku for item in items}) < len(items):
        raise ValueError("name each sku once, with its whole quantity")
    return items


class ReservationIn(Payload):
    """The pieces to reserve, all or none."""

    items: Annotated[Items, AfterValidator(each_sku_once)]


@router.post("/reservations")
@idempotent("inventory.reserve")
def post_reservation(request: HttpRequest, wanted: ReservationIn) -> HttpResponse:
    """201 `{"reservation_id"}`; refused with 404 for an unknown sku, 409 if one is out of stock."""
    key = idempotency_key(request)
    quantities = {item.sku: item.quantity for item in wanted.items}
    stock = lock_stock(quantities)
    for sku, quantity in quantities.items():  # a refusal takes back what the loop has done so far
        if sku not in stock:
            raise RequestRefused(404, "unknown_sku", f"There is no article {sku}: check the sku.")
        available = stock[sku].available
        if available < quantity:
            raise RequestRefused(
                409,
                "out_of_stock",
                f"{sku}: {quantity} wanted, {available} available: order fewer or wait.",
            )
        move(key, "reserve", stock[sku], -quantity)
    reservation = Reservation.objects.create(reservation_id=f"res_{uuid4().hex}", items=quantities)
    return JsonResponse({"reservation_id": reservation.reservation_id}, status=201)


@router.post("/reservations/release")
@compensates("inventory.reserve")
def post_release(request: HttpRequest, action: Receipt) -> None:
    """Compensation of a reservation: puts the pieces back."""
    key = idempotency_key(request)
    reservation = Reservation.objects.get(reservation_id=action.answer()["reservation_id"])
    stock = lock_stock(reservation.items)
    for sku, quantity in reservation.items.items():
        move(key, "release", stock[sku], quantity)
    reservation.released = True
    reservation.save()


@router.get("/stock")
def get_stock(request: HttpRequest) -> dict[str, int]:
    """How many pieces of each article can be reserved: `{sku: quantity}`."""
    return dict(Stock.objects.order_by("sku").values_list("sku", "available"))


def lock_stock(skus: Iterable[str]) -> dict[str, Stock]:
    """The locked rows of these articles, by sku; the unknown are left out.

    Locked in the order of their sku, by the database's own collation, so that two requests for
    the same articles wait for one another and never deadlock.
    """
    rows = Stock.objects.select_for_update().filter(sku__in=list(skus)).order_by("sku")
    return {row.sku: row for row in rows}


def move(key: str, kind: str, stock: Stock, pieces: int) -> None:
    """Change a locked row of the stock by `pieces`, and write that down."""
    stock.available += pieces
    stock.save()
    LedgerEntry.objects.create(key=key, kind=kind, subject=stock.sku, amount=pieces)
