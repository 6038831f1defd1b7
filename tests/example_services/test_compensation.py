"""A compensation that comes late, early, twice or at the same time as its action."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from .running import RunningService
from .samples import COMPENSATIONS, DECLINED, PAYMENT, at_once

each_service = pytest.mark.parametrize(("name", "path", "body", "undo_path"), COMPENSATIONS)


@each_service
def test_compensation_undoes_the_effect(
    services: dict[str, RunningService],
    saga: str,
    name: str,
    path: str,
    body: dict[str, object],
    undo_path: str,
) -> None:
    """The compensation's entry has the opposite amount, under the compensation's own key."""
    service = services[name]
    service.post(path, f"{saga}:step:action", body)
    undone = service.post(undo_path, f"{saga}:step:compensation", {"undoes": f"{saga}:step:action"})
    assert (undone.status_code, undone.json()) == (200, {"undone": True})
    done, opposite = service.ledger(saga)
    assert (done["key"], opposite["key"]) == (f"{saga}:step:action", f"{saga}:step:compensation")
    assert opposite["amount"] == -done["amount"] != 0
    assert opposite["subject"] == done["subject"]


@each_service
def test_compensation_before_its_action_leaves_a_tombstone(
    services: dict[str, RunningService],
    saga: str,
    name: str,
    path: str,
    body: dict[str, object],
    undo_path: str,
) -> None:
    """A compensation that arrives before its action is remembered: the action is refused."""
    service, key = services[name], f"{saga}:step:action"
    early = service.post(undo_path, f"{saga}:step:compensation", {"undoes": key})
    assert (early.status_code, early.json()) == (200, {"undone": False})
    late = [service.post(path, key, body) for _ in range(2)]
    assert late[0].status_code == 409
    assert late[0].json()["error"] == "undone_before_it_was_done"
    assert (late[1].status_code, late[1].content) == (409, late[0].content)
    assert service.ledger(saga) == []


def test_compensation_twice_has_one_effect(payments: RunningService, saga: str) -> None:
    """The same key gives the same answer; another key finds nothing left to undo."""
    payments.post("/payments", f"{saga}:a", PAYMENT)
    undo = {"undoes": f"{saga}:a"}
    assert payments.post("/payments/refund", f"{saga}:c1", undo).json() == {"undone": True}
    assert payments.post("/payments/refund", f"{saga}:c1", undo).json() == {"undone": True}
    assert payments.post("/payments/refund", f"{saga}:c2", undo).json() == {"undone": False}
    assert [entry["kind"] for entry in payments.ledger(saga)] == ["charge", "refund"]


def test_ten_compensations_at_once_have_one_effect(payments: RunningService, saga: str) -> None:
    """Of several compensations with keys of their own, exactly one undoes."""
    payments.post("/payments", f"{saga}:a", PAYMENT)
    answers = at_once(
        lambda n: payments.post("/payments/refund", f"{saga}:c{n}", {"undoes": f"{saga}:a"}),
        range(10),
    )
    assert sorted(answer.json()["undone"] for answer in answers) == [False] * 9 + [True]
    assert [entry["kind"] for entry in payments.ledger(saga)] == ["charge", "refund"]


def test_refused_action_has_nothing_to_undo(payments: RunningService, saga: str) -> None:
    """A refusal had no effect, and stays the answer to its key."""
    refused = payments.post("/payments", f"{saga}:a", DECLINED)
    undone = payments.post("/payments/refund", f"{saga}:c", {"undoes": f"{saga}:a"})
    assert (undone.status_code, undone.json()) == (200, {"undone": False})
    assert payments.post("/payments", f"{saga}:a", DECLINED).content == refused.content
    assert payments.ledger(saga) == []


def test_undone_action_is_not_done_again(payments: RunningService, saga: str) -> None:
    """A retry of the action that arrives after its compensation has no second effect."""
    first = payments.post("/payments", f"{saga}:a", PAYMENT)
    payments.post("/payments/refund", f"{saga}:c", {"undoes": f"{saga}:a"})
    assert payments.post("/payments", f"{saga}:a", PAYMENT).content == first.content
    assert sum(entry["amount"] for entry in payments.ledger(saga)) == 0


@pytest.mark.parametrize("undoes", ["c", "self"])
def test_compensation_cannot_be_undone(payments: RunningService, saga: str, undoes: str) -> None:
    """Only an action can be named; to name a compensation, even oneself, leaves no trace."""
    payments.post("/payments/refund", f"{saga}:c", {"undoes": f"{saga}:a"})
    answer = payments.post("/payments/refund", f"{saga}:self", {"undoes": f"{saga}:{undoes}"})
    assert (answer.status_code, answer.json()["error"]) == (422, "not_an_action")
    corrected = payments.post("/payments/refund", f"{saga}:self", {"undoes": f"{saga}:a"})
    assert corrected.json() == {"undone": False}


def test_compensation_waits_for_another_of_the_same_action(
    payments: RunningService, saga: str
) -> None:
    """The lock on the action's receipt decides, however long the first one takes to undo."""
    payment_id = payments.post("/payments", f"{saga}:a", PAYMENT).json()["payment_id"]
    with psycopg.connect(payments.database_url) as slow, ThreadPoolExecutor(2) as threads:
        slow.execute("SELECT FROM payments_payment WHERE payment_id = %s FOR UPDATE", [payment_id])
        answers = [
            threads.submit(
                payments.post, "/payments/refund", f"{saga}:c{n}", {"undoes": f"{saga}:a"}
            )
            for n in range(2)
        ]
        payments.wait_for_blocked_transactions(2)
        slow.rollback()
    assert sorted(answer.result().json()["undone"] for answer in answers) == [False, True]
    assert [entry["kind"] for entry in payments.ledger(saga)] == ["charge", "refund"]


def test_compensation_waits_for_its_action_in_progress(
    inventory: RunningService, saga: str
) -> None:
    """It never overlooks an effect that is about to be committed."""
    body = {"items": [{"sku": "book", "quantity": 1}]}
    undo = {"undoes": f"{saga}:a"}
    with psycopg.connect(inventory.database_url) as slow, ThreadPoolExecutor(2) as threads:
        slow.execute("SELECT FROM inventory_stock WHERE sku = 'book' FOR UPDATE")
        action = threads.submit(inventory.post, "/reservations", f"{saga}:a", body)
        inventory.wait_for_blocked_transactions(1)
        undone = threads.submit(inventory.post, "/reservations/release", f"{saga}:c", undo)
        inventory.wait_for_blocked_transactions(2)
        slow.rollback()
    assert action.result().status_code == 201
    assert undone.result().json() == {"undone": True}
    assert [entry["amount"] for entry in inventory.ledger(saga)] == [-1, 1]


@each_service
def test_action_racing_its_compensation_ends_in_one_consistent_state(
    services: dict[str, RunningService],
    saga: str,
    name: str,
    path: str,
    body: dict[str, object],
    undo_path: str,
) -> None:
    """Done and undone, or forestalled and refused; never done and not undone."""
    service = services[name]
    for round_number in range(25):
        key = f"{saga}:{round_number}:action"
        requests = [
            (path, key, body),
            (undo_path, f"{saga}:{round_number}:compensation", {"undoes": key}),
        ]
        if round_number % 2:
            requests.reverse()
        answers = dict(
            zip(
                [request[0] for request in requests],
                at_once(lambda request: service.post(*request), requests),
                strict=True,
            )
        )
        outcome = (answers[path].status_code, answers[undo_path].json())
        entries = service.ledger(f"{saga}:{round_number}:")
        if outcome == (201, {"undone": True}):
            assert [entry["key"].split(":")[2] for entry in entries] == ["action", "compensation"]
        else:
            assert outcome == (409, {"undone": False})
            assert entries == []
