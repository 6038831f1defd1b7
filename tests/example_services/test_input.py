"""Bad input: 400 for a key that is none, 422 with the fields, always in the one JSON form."""

import httpx
import pytest

from .running import RunningService
from .samples import ACTIONS, NOTIFICATION, ORDER, PAYMENT, USER

# One invalid body of each endpoint and field: service, path, body, the field that is blamed.
INVALID = [
    ("inventory", "/reservations", {"items": []}, "items"),
    ("inventory", "/reservations", {"items": [{"sku": "book"}]}, "items.0.quantity"),
    ("inventory", "/reservations", {"items": [{"sku": "book", "quantity": 0}]}, "items.0.quantity"),
    ("inventory", "/reservations", {"items": [{"sku": "book", "quantity": 1}] * 2}, "items"),
    ("inventory", "/reservations/release", {"undoes": "a b"}, "undoes"),
    ("payments", "/payments", {**PAYMENT, "amount_cents": 0}, "amount_cents"),
    ("payments", "/payments", {**PAYMENT, "amount_cents": True}, "amount_cents"),
    ("payments", "/payments", {**PAYMENT, "amount_cents": 10**30}, "amount_cents"),
    ("payments", "/payments", {**PAYMENT, "currency": "euro"}, "currency"),
    ("payments", "/payments", {**PAYMENT, "card": None}, "card"),
    ("payments", "/payments", {**PAYMENT, "user_id": "a\0b"}, "user_id"),
    ("payments", "/payments", {**PAYMENT, "amount": 5}, "amount"),
    ("payments", "/payments", [], "body"),
    ("payments", "/payments/refund", {}, "undoes"),
    ("orders", "/orders", {**ORDER, "items": [{"sku": "", "quantity": 1}]}, "items.0.sku"),
    ("orders", "/orders", {**ORDER, "payment_id": ""}, "payment_id"),
    ("orders", "/orders/cancel", {"undoes": ""}, "undoes"),
    ("notifications", "/notifications", {**NOTIFICATION, "template": ""}, "template"),
    ("users", "/users", {**USER, "name": ""}, "name"),
    ("users", "/users", {**USER, "name": "a\0b"}, "name"),
    ("users", "/users", {**USER, "name": "x" * 201}, "name"),
    ("users", "/users", {**USER, "email": "nobody"}, "email"),
    ("users", "/users", {**USER, "email": f"{'x' * 250}@b.cd"}, "email"),
    ("users", "/users", {**USER, "user_id": "a b"}, "user_id"),
    ("users", "/users", {**USER, "active": False}, "active"),
    ("payments", "/payments/pay_1/refunds", {"amount_cents": 0}, "amount_cents"),
    ("payments", "/payments/pay_1/refunds", {}, "amount_cents"),
    ("users", "/faults", {"path": ""}, "path"),
    ("users", "/faults", {"key": "a\0b"}, "key"),
    ("users", "/faults", {"probability": 1.1}, "probability"),
    ("users", "/faults", {"latency": -1}, "latency"),
    ("users", "/faults", {"latency": 61}, "latency"),
    ("users", "/faults", {"when": "during"}, "when"),
    ("users", "/faults", {"answer": 200}, "answer"),
    ("users", "/faults", {"answer": "dorp"}, "answer"),
    ("users", "/faults", {"answer": True}, "answer"),
    ("users", "/faults", {"times": 0}, "times"),
    ("users", "/faults", {"for_seconds": 0}, "for_seconds"),
    ("users", "/faults", {"tmes": 1}, "tmes"),
]


def assert_is_error(answer: httpx.Response, status: int, error: str) -> None:
    """The answer has this status and is in the one JSON form, with a message for a person."""
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["content-type"].startswith("application/json")
    assert len(answer.json()["message"]) > 10


@pytest.mark.parametrize(("name", "path", "body", "field"), INVALID)
def test_invalid_body_is_refused_with_its_field(
    services: dict[str, RunningService], saga: str, name: str, path: str, body: object, field: str
) -> None:
    answer = services[name].post(path, saga, body)
    assert_is_error(answer, 422, "invalid_request")
    assert list(answer.json()["fields"]) == [field]
    assert services[name].ledger(saga) == []
    assert services[name].http.get("/faults").json() == []


@pytest.mark.parametrize(("name", "path", "body"), ACTIONS)
@pytest.mark.parametrize("key", [None, b"", b"with blank", b"x" * 401, "käse".encode()])
def test_action_needs_an_idempotency_key(
    services: dict[str, RunningService],
    name: str,
    path: str,
    body: dict[str, object],
    key: bytes | None,
) -> None:
    """Without a key there could be no promise, so there is no effect either."""
    before = services[name].ledger("")
    headers = {} if key is None else {b"Idempotency-Key": key}
    answer = services[name].http.post(path, headers=headers, json=body)
    assert_is_error(answer, 400, "bad_idempotency_key")
    assert services[name].ledger("") == before


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", "/payments", 405, "method_not_allowed"),
        ("POST", "/payments", 422, "invalid_request"),
        ("GET", "/ledger?key_prefix=%25", 422, "invalid_request"),
        ("GET", "/payments/pay_0", 404, "unknown_payment"),
    ],
)
def test_other_errors_have_the_same_form(
    payments: RunningService, method: str, path: str, status: int, error: str
) -> None:
    assert_is_error(payments.http.request(method, path), status, error)


@pytest.mark.parametrize("body", [b'{"user_id":', b"\xff\xfe", b"[" * 100_000])
def test_body_that_is_not_json_has_the_same_form(
    payments: RunningService, saga: str, body: bytes
) -> None:
    answer = payments.http.post("/payments", headers={"Idempotency-Key": saga}, content=body)
    assert_is_error(answer, 400, "unreadable_body")


@pytest.mark.parametrize(
    ("name", "path", "field"),
    [
        ("orders", "/orders", "user_id"),
        ("orders", "/orders?user_id=alice&limit=0", "limit"),
        ("orders", "/orders?user_id=alice&limit=101", "limit"),
        ("users", "/users", "q"),
        ("users", "/users?q=", "q"),
        ("users", "/users?q=a%00b", "q"),
        ("users", f"/users?q={'x' * 201}", "q"),
        ("users", "/users?q=a&limit=1e1", "limit"),
    ],
)
def test_invalid_query_is_refused_with_its_field(
    services: dict[str, RunningService], name: str, path: str, field: str
) -> None:
    answer = services[name].http.get(path)
    assert_is_error(answer, 422, "invalid_request")
    assert list(answer.json()["fields"]) == [field]


def test_id_that_no_row_could_have_is_refused(users: RunningService) -> None:
    """A byte that the database cannot store is an error of the caller, not a crash."""
    assert_is_error(users.http.get("/users/a%00b"), 422, "invalid_request")
