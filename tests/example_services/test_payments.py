"""Payments: looked at, and refunded in part or whole, never more than was charged."""

import psycopg
import pytest

from .running import RunningService
from .samples import PAYMENT, at_once

CENTS = PAYMENT["amount_cents"]


def charge(payments: RunningService, key: str) -> str:
    """The id of a new payment."""
    return str(payments.post("/payments", key, PAYMENT).json()["payment_id"])


def stands_at(payments: RunningService, payment_id: str) -> tuple[str, int]:
    """Status and refunded cents."""
    payment = payments.http.get(f"/payments/{payment_id}").json()
    return payment["status"], payment["refunded_cents"]


def test_payment_is_shown_without_its_card(payments: RunningService, saga: str) -> None:
    payment_id = charge(payments, saga)
    assert payments.http.get(f"/payments/{payment_id}").json() == {
        "payment_id": payment_id,
        "user_id": PAYMENT["user_id"],
        "amount_cents": CENTS,
        "currency": PAYMENT["currency"],
        "status": "charged",
        "refunded_cents": 0,
    }


def test_payment_is_refunded_in_parts(payments: RunningService, saga: str) -> None:
    payment_id = charge(payments, f"{saga}:a")
    path = f"/payments/{payment_id}/refunds"
    first = payments.post(path, f"{saga}:1", {"amount_cents": 200})
    assert (first.status_code, first.json()["refunded_cents"]) == (201, 200)
    assert stands_at(payments, payment_id) == ("partly_refunded", 200)
    again = payments.post(path, f"{saga}:1", {"amount_cents": 200})
    assert again.content == first.content
    too_much = payments.post(path, f"{saga}:2", {"amount_cents": CENTS - 199})
    assert (too_much.status_code, too_much.json()["error"]) == (409, "more_than_is_left")
    rest = payments.post(path, f"{saga}:3", {"amount_cents": CENTS - 200})
    assert rest.json()["refund_id"] != first.json()["refund_id"]
    assert stands_at(payments, payment_id) == ("refunded", CENTS)
    assert sum(entry["amount"] for entry in payments.ledger(saga)) == 0


@pytest.mark.parametrize("part", [0, 200, CENTS])
def test_compensation_gives_back_what_is_left(
    payments: RunningService, saga: str, part: int
) -> None:
    payment_id = charge(payments, f"{saga}:a")
    if part:
        payments.post(f"/payments/{payment_id}/refunds", f"{saga}:p", {"amount_cents": part})
    undone = payments.post("/payments/refund", f"{saga}:c", {"undoes": f"{saga}:a"})
    assert undone.json() == {"undone": True}
    assert stands_at(payments, payment_id) == ("refunded", CENTS)
    assert sum(entry["amount"] for entry in payments.ledger(saga)) == 0
    late = payments.post(f"/payments/{payment_id}/refunds", f"{saga}:l", {"amount_cents": 1})
    assert late.status_code == 409


def test_refunds_at_once_never_give_back_more_than_was_charged(
    payments: RunningService, saga: str
) -> None:
    """Ten of 200 cents, of 1250, and the compensation among them."""
    payment_id = charge(payments, f"{saga}:a")

    def refund(number: int) -> int:
        if number == 5:
            undo = {"undoes": f"{saga}:a"}
            return payments.post("/payments/refund", f"{saga}:c", undo).status_code
        path = f"/payments/{payment_id}/refunds"
        return payments.post(path, f"{saga}:{number}", {"amount_cents": 200}).status_code

    statuses = at_once(refund, range(11))
    assert set(statuses) <= {200, 201, 409}
    assert stands_at(payments, payment_id) == ("refunded", CENTS)
    assert sum(entry["amount"] for entry in payments.ledger(saga)) == 0


def test_refund_of_an_unknown_payment_is_refused(payments: RunningService, saga: str) -> None:
    answer = payments.post("/payments/pay_0/refunds", saga, {"amount_cents": 1})
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_payment")
    assert payments.ledger(saga) == []


def test_database_refuses_to_refund_too_much(payments: RunningService, saga: str) -> None:
    """Whatever the code does, the CHECK constraint holds."""
    charge(payments, saga)
    refused = pytest.raises(psycopg.errors.CheckViolation, match="refund_is_within_the_amount")
    with psycopg.connect(payments.database_url) as database, refused:
        database.execute("UPDATE payments_payment SET refunded_cents = amount_cents + 1")
