"""The file of sample orders: what is in it, and what it may not say."""

import subprocess
import sys
from pathlib import Path

import pytest

from examples.demo.orders_file import OrdersFileError, load_orders

REPOSITORY = Path(__file__).resolve().parents[2]
GOOD = """
[[order]]
id = "one"
expect = "completed"
why = "a plain order"
[order.context]
user_id = "alice"
items = [{ sku = "book", quantity = 1 }]
amount_cents = 1990
currency = "EUR"
card = "visa"
"""


def load(tmp_path: Path, text: str) -> None:
    """Load a file with this text."""
    path = tmp_path / "orders.toml"
    path.write_text(text)
    load_orders(path)


def test_the_samples_show_what_they_promise() -> None:
    orders = load_orders(REPOSITORY / "examples" / "orders.toml")
    assert len(orders) >= 20
    completed = [order for order in orders if order.expect == "completed"]
    assert len(completed) > len(orders) / 2
    assert any(order.outage for order in orders)


def test_a_fault_is_laid_for_one_direction_of_one_step_of_one_saga(tmp_path: Path) -> None:
    fault = 'faults = [{ service = "payments", direction = "compensation", answer = 503 }]'
    path = tmp_path / "orders.toml"
    path.write_text(GOOD.replace("[order.context]", f"{fault}\n[order.context]"))
    [order] = load_orders(path)
    assert order.faults[0].request("saga-1") == {
        "key": "saga-1:process_payment:compensation",
        "when": "before",
        "answer": 503,
        "latency": 0.0,
        "probability": 1.0,
        "times": None,
        "for_seconds": None,
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id = "one"', "id = one", r"is not TOML: .*line 3"),
        ("amount_cents = 1990", 'amount_cents = "1990"', r"line 2\), context.amount_cents: .*int"),
        ("amount_cents = 1990", "amount_cent = 1990", r"line 2\), context.amount_cent: Extra"),
        ('card = "visa"', "", r"context.card: Field required"),
        ('"completed"', '"done"', r"order 1 .*, expect: .*'completed' or 'compensated'"),
        ("quantity = 1", "quantity = 0", r"context.items.0.quantity: .*greater than"),
        ('id = "one"', 'id = "a/b"', r"order 1 .*, id: "),
        (
            "[order.context]",
            'outage = { service = "shop", seconds = 3.0 }\n[order.context]',
            r"outage.service: .*'users'",
        ),
        (
            "[order.context]",
            'faults = [{ service = "users" }]\n[order.context]',
            r"faults.0: .*a fault needs an answer",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(OrdersFileError, match=message):
        load(tmp_path, GOOD.replace(old, new))


def test_a_mistake_in_a_later_order_is_placed_there(tmp_path: Path) -> None:
    with pytest.raises(OrdersFileError, match=r"order 2 \(from line 13\), id: one is taken"):
        load(tmp_path, GOOD + GOOD)


def test_a_file_without_orders_or_no_file_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OrdersFileError, match=r"order: Field required"):
        load(tmp_path, "")
    with pytest.raises(OrdersFileError, match="No such file"):
        load_orders(tmp_path / "none.toml")


def test_the_demo_refuses_a_bad_file_before_it_starts_anything(tmp_path: Path) -> None:
    path = tmp_path / "orders.toml"
    path.write_text(GOOD.replace("1990", "-1"))
    command = [sys.executable, "-m", "examples.demo", "--check", "--orders", str(path)]
    result = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 2
    assert "context.amount_cents" in result.stderr
    assert result.stdout == ""
