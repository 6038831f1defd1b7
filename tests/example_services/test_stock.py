"""Stock: all or nothing, never negative, no deadlock."""

import psycopg
import pytest

from .running import RunningService
from .samples import at_once


def stock_of(inventory: RunningService, sku: str) -> int:
    """How many pieces can be reserved."""
    return int(inventory.http.get("/stock").json()[sku])


@pytest.mark.parametrize(
    ("second_item", "status", "error"),
    [
        ({"sku": "piano", "quantity": 1}, 409, "out_of_stock"),
        ({"sku": "drum", "quantity": 1}, 404, "unknown_sku"),
    ],
)
def test_reservation_is_all_or_nothing(
    inventory: RunningService, saga: str, second_item: dict[str, object], status: int, error: str
) -> None:
    """A refusal for one item leaves the others where they were, and says which it was for."""
    before = stock_of(inventory, "book")
    items = [{"sku": "book", "quantity": 2}, second_item]
    refused = inventory.post("/reservations", saga, {"items": items})
    assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert str(second_item["sku"]) in refused.json()["message"]
    assert stock_of(inventory, "book") == before
    assert inventory.ledger(saga) == []


def test_stock_is_never_oversold_by_concurrent_requests(
    inventory: RunningService, saga: str
) -> None:
    """30 requests for 20 lamps each, of 500: 25 get theirs, whatever the order of their items."""
    assert stock_of(inventory, "lamp") == 500

    def reserve(number: int) -> int:
        items = [{"sku": "lamp", "quantity": 20}, {"sku": "book", "quantity": 1}]
        ordered = items if number % 2 else items[::-1]
        key = f"{saga}:{number}:action"
        return inventory.post("/reservations", key, {"items": ordered}).status_code

    books = stock_of(inventory, "book")
    statuses = at_once(reserve, range(30))
    assert sorted(statuses) == [201] * 25 + [409] * 5
    assert stock_of(inventory, "lamp") == 0
    assert stock_of(inventory, "book") == books - 25

    def release(number: int) -> bool:
        undo = {"undoes": f"{saga}:{number}:action"}
        answer = inventory.post("/reservations/release", f"{saga}:{number}:release", undo)
        return bool(answer.json()["undone"])

    assert at_once(release, range(30)) == [status == 201 for status in statuses]
    assert stock_of(inventory, "lamp") == 500
    assert stock_of(inventory, "book") == books


def test_database_refuses_a_negative_stock(inventory: RunningService) -> None:
    """Whatever the code does, the CHECK constraint holds."""
    refused = pytest.raises(psycopg.errors.CheckViolation, match="stock_is_never_negative")
    with psycopg.connect(inventory.database_url) as database, refused:
        database.execute("UPDATE inventory_stock SET available = -1 WHERE sku = 'piano'")
