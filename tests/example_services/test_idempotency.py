"""The same key twice gives the same answer and one effect. A refusal is remembered."""

import psycopg
import pytest

from .running import RunningService
from .samples import ACTIONS, DECLINED, PAYMENT, at_once


@pytest.mark.parametrize(("name", "path", "body"), ACTIONS)
def test_same_key_twice_gives_same_answer_and_one_effect(
    services: dict[str, RunningService], saga: str, name: str, path: str, body: dict[str, object]
) -> None:
    service, key = services[name], f"{saga}:step:action"
    first = service.post(path, key, body)
    second = service.post(path, key, body)
    assert first.status_code == 201
    assert (second.status_code, second.content) == (201, first.content)
    assert len(service.ledger(saga)) == 1


@pytest.mark.parametrize(("name", "path", "body"), ACTIONS)
def test_same_key_from_twenty_threads_gives_same_answer_and_one_effect(
    services: dict[str, RunningService], saga: str, name: str, path: str, body: dict[str, object]
) -> None:
    service, key = services[name], f"{saga}:step:action"
    answers = at_once(lambda _: service.post(path, key, body), range(20))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(service.ledger(saga)) == 1


def test_other_key_is_another_effect(payments: RunningService, saga: str) -> None:
    """The memory is by key: two sagas may charge the same amount to the same user."""
    answers = [payments.post("/payments", f"{saga}:{n}", PAYMENT) for n in range(2)]
    assert answers[0].json() != answers[1].json()
    assert len(payments.ledger(saga)) == 2


def test_repetition_may_be_spelt_otherwise(payments: RunningService, saga: str) -> None:
    """A retry is the same request by what it says, whatever the order of its fields."""
    first = payments.post("/payments", saga, PAYMENT)
    second = payments.post("/payments", saga, dict(reversed(PAYMENT.items())))
    assert second.content == first.content


@pytest.mark.parametrize(
    ("path", "body"),
    [("/payments", {**PAYMENT, "amount_cents": 1251}), ("/payments/refund", {"undoes": "x"})],
)
def test_key_used_for_another_request_is_an_error(
    payments: RunningService, saga: str, path: str, body: dict[str, object]
) -> None:
    """One key has one answer, so another body or path under it can only be a mistake."""
    first = payments.post("/payments", saga, PAYMENT)
    reused = payments.post(path, saga, body)
    assert reused.status_code == 422
    assert reused.json()["error"] == "idempotency_key_reused"
    assert saga in reused.json()["message"]
    assert payments.post("/payments", saga, PAYMENT).content == first.content
    assert len(payments.ledger(saga)) == 1


def test_refusal_is_remembered(payments: RunningService, saga: str) -> None:
    """A refusal is remembered under its key."""
    first = payments.post("/payments", saga, DECLINED)
    second = payments.post("/payments", saga, DECLINED)
    assert (first.status_code, first.json()["error"]) == (402, "card_declined")
    assert (second.status_code, second.content) == (402, first.content)
    assert payments.ledger(saga) == []


def test_refusal_is_remembered_though_it_would_now_succeed(
    inventory: RunningService, saga: str
) -> None:
    """A retry never turns a refusal into a success, even after the reason has gone."""
    stock = inventory.http.get("/stock").json()["chair"]
    all_chairs = {"items": [{"sku": "chair", "quantity": stock}]}
    one_chair = {"items": [{"sku": "chair", "quantity": 1}]}
    assert inventory.post("/reservations", f"{saga}:all", all_chairs).status_code == 201
    refused = inventory.post("/reservations", f"{saga}:one", one_chair)
    assert (refused.status_code, refused.json()["error"]) == (409, "out_of_stock")
    released = inventory.post("/reservations/release", f"{saga}:rel", {"undoes": f"{saga}:all"})
    assert released.json() == {"undone": True}
    assert inventory.post("/reservations", f"{saga}:one", one_chair).content == refused.content
    assert inventory.http.get("/stock").json()["chair"] == stock


def test_invalid_request_is_not_remembered(payments: RunningService, saga: str) -> None:
    """What was never understood has no answer to remember: corrected, it may use its key."""
    assert payments.post("/payments", saga, {**PAYMENT, "amount_cents": 0}).status_code == 422
    assert payments.post("/payments", saga, PAYMENT).status_code == 201


def test_ledger_is_append_only(payments: RunningService, saga: str) -> None:
    """The database itself refuses to change what happened."""
    payments.post("/payments", saga, PAYMENT)
    with psycopg.connect(payments.database_url) as database:
        for statement in ("UPDATE kit_ledgerentry SET amount = 0", "DELETE FROM kit_ledgerentry"):
            with pytest.raises(psycopg.errors.RaiseException, match="append only"):
                database.execute(statement)
            database.rollback()
