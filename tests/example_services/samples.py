"""Valid requests to the five services, and a way to make many at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Given = TypeVar("Given")
Got = TypeVar("Got")

PAYMENT: dict[str, Any] = {
    "user_id": "alice",
    "amount_cents": 1250,
    "currency": "EUR",
    "card": "visa",
}
DECLINED = {**PAYMENT, "card": "declined"}
RESERVATION = {"items": [{"sku": "book", "quantity": 1}]}
ORDER = {
    "user_id": "alice",
    "items": [{"sku": "book", "quantity": 1}],
    "reservation_id": "res_1",
    "payment_id": "pay_1",
}
USER = {"name": "Ada Lovelace", "email": "ada@example.com"}
NOTIFICATION = {"user_id": "alice", "template": "order_placed", "order_id": "ord_1"}

# Each mutating endpoint: service, path, a valid body.
ACTIONS = [
    ("users", "/users", USER),
    ("inventory", "/reservations", RESERVATION),
    ("payments", "/payments", PAYMENT),
    ("orders", "/orders", ORDER),
    ("notifications", "/notifications", NOTIFICATION),
]
COMPENSATIONS = [
    ("inventory", "/reservations", RESERVATION, "/reservations/release"),
    ("payments", "/payments", PAYMENT, "/payments/refund"),
    ("orders", "/orders", ORDER, "/orders/cancel"),
]


def at_once(function: Callable[[Given], Got], arguments: Iterable[Given]) -> list[Got]:
    """Call `function` with each argument, each in a thread; the results in the same order."""
    given = list(arguments)
    with ThreadPoolExecutor(len(given)) as threads:
        return list(threads.map(function, given))
