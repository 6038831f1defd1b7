"""Charge a card, look at the charge, and refund it in part or whole."""

from typing import Annotated
from uuid import uuid4

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Path, Router
from pydantic import Field

from examples.services.kit.models import LedgerEntry
from examples.services.kit.schemas import Name, Payload
from examples.services.payments.models import Payment
from saga_participant.decorators import compensates, idempotent
from saga_participant.models import Receipt
from saga_participant.problems import Problem, RequestRefused
from saga_participant.requests import idempotency_key

router = Router()

# The one card that the bank refuses; every other is good for any amount.
DECLINED_CARD = "declined"

Cents = Annotated[int, Field(ge=1, le=100_000_000_000, strict=True)]


class PaymentIn(Payload):
    """What to charge to whose card; `currency` is an ISO 4217 code such as EUR."""

    user_id: Name
    amount_cents: Cents
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    card: Name


class RefundIn(Payload):
    """How much to give back."""

    amount_cents: Cents


@router.post("/payments")
@idempotent("payments.charge")
def post_payment(request: HttpRequest, wanted: PaymentIn) -> HttpResponse:
    """201 `{"payment_id"}`; refused with 402 if the card is declined."""
    if wanted.card == DECLINED_CARD:
        raise RequestRefused(402, "card_declined", "The bank declined the card: use another card.")
    payment = Payment.objects.create(
        payment_id=f"pay_{uuid4().hex}", **wanted.model_dump(exclude={"card"})
    )
    write_down(request, "charge", payment, payment.amount_cents)
    return JsonResponse({"payment_id": payment.payment_id}, status=201)


@router.post("/payments/refund")
@compensates("payments.charge")
def post_whole_refund(request: HttpRequest, action: Receipt) -> None:
    """Compensation of a payment: gives back what has not been given back before."""
    payment = lock_payment(action.answer()["payment_id"])
    give_back(request, payment, payment.amount_cents - payment.refunded_cents)


@router.get("/payments/{payment_id}")
def get_payment(request: HttpRequest, payment_id: Path[Name]) -> dict[str, object]:
    """One payment, its status charged, partly_refunded or refunded; 404 if there is none."""
    payment = Payment.objects.filter(payment_id=payment_id).first()
    if payment is None:
        raise unknown(payment_id)
    return {
        "payment_id": payment.payment_id,
        "user_id": payment.user_id,
        "amount_cents": payment.amount_cents,
        "currency": payment.currency,
        "status": payment.status,
        "refunded_cents": payment.refunded_cents,
    }


@router.post("/payments/{payment_id}/refunds")
@idempotent("payments.refund")
def post_refund(request: HttpRequest, payment_id: Path[Name], wanted: RefundIn) -> HttpResponse:
    """201 `{"refund_id", "refunded_cents"}`, the latter in all; 404 for no payment, 409 for more
    than is left of it."""
    payment = lock_payment(payment_id)
    left = payment.amount_cents - payment.refunded_cents
    if wanted.amount_cents > left:
        raise RequestRefused(
            409,
            "more_than_is_left",
            f"{payment_id}: {wanted.amount_cents} cents wanted back, {left} are left: ask for "
            "no more than these.",
        )
    give_back(request, payment, wanted.amount_cents)
    answer = {"refund_id": f"ref_{uuid4().hex}", "refunded_cents": payment.refunded_cents}
    return JsonResponse(answer, status=201)


def lock_payment(payment_id: str) -> Payment:
    """The payment, locked, so that no two refunds give back the same cents; refused with 404."""
    payment: Payment | None = (
        Payment.objects.select_for_update().filter(payment_id=payment_id).first()
    )
    if payment is None:
        raise unknown(payment_id, RequestRefused)
    return payment


def unknown(payment_id: str, kind: type[Problem] = Problem) -> Problem:
    """That there is no such payment: the answer to a question, or a refusal to remember."""
    return kind(404, "unknown_payment", f"There is no payment {payment_id}: check the id.")


def give_back(request: HttpRequest, payment: Payment, cents: int) -> None:
    """Give this much of a locked payment back, and write that down; nothing for 0 cents."""
    if cents:
        payment.refunded_cents += cents
        payment.save()
        write_down(request, "refund", payment, -cents)


def write_down(request: HttpRequest, kind: str, payment: Payment, cents: int) -> None:
    """An entry into the ledger, under the key of the request."""
    LedgerEntry.objects.create(
        key=idempotency_key(request), kind=kind, subject=payment.user_id, amount=cents
    )
