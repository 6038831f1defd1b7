"""Charge a card, and refund the charge."""

from typing import Annotated
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import Field

from examples.services.kit.idempotency import compensate, perform
from examples.services.kit.models import LedgerEntry
from examples.services.kit.problems import Refused
from examples.services.kit.schemas import Name, Payload, Undo
from examples.services.payments.models import Payment

router = Router()

# The one card that the bank refuses; every other is good for any amount.
DECLINED_CARD = "declined"


class PaymentIn(Payload):
    """What to charge to whose card; `currency` is an ISO 4217 code such as EUR."""

    user_id: Name
    amount_cents: Annotated[int, Field(ge=1, le=100_000_000_000, strict=True)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    card: Name


@router.post("/payments")
def post_payment(request: HttpRequest, payment: PaymentIn) -> HttpResponse:
    """201 `{"payment_id"}`; refused with 402 if the card is declined."""
    return perform(request, payment, charge)


@router.post("/payments/refund")
def post_refund(request: HttpRequest, undo: Undo) -> HttpResponse:
    """Compensation of a payment: 200 `{"undone": <bool>}`."""
    return compensate(request, undo, refund)


def charge(key: str, wanted: PaymentIn) -> dict[str, str]:
    """Charge the card, or raise Refused."""
    if wanted.card == DECLINED_CARD:
        raise Refused(402, "card_declined", "The bank declined the card: use another card.")
    payment = Payment.objects.create(
        payment_id=f"pay_{uuid4().hex}",
        key=key,
        user_id=wanted.user_id,
        amount_cents=wanted.amount_cents,
        currency=wanted.currency,
    )
    LedgerEntry.objects.create(
        key=key, kind="charge", subject=payment.user_id, amount=payment.amount_cents
    )
    return {"payment_id": payment.payment_id}


def refund(key: str, action_key: str) -> None:
    """Give the whole amount of a charge back."""
    payment = Payment.objects.get(key=action_key)
    payment.refunded = True
    payment.save()
    LedgerEntry.objects.create(
        key=key, kind="refund", subject=payment.user_id, amount=-payment.amount_cents
    )
