"""Two instances of one service on one database, as behind a registry."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.waiting import wait_until

from .running import RunningService
from .samples import PAYMENT, at_once
from .test_process import BOOK


def start_two(name: str, database_url: str) -> Iterator[list[RunningService]]:
    """Both started at the same moment, so that both want to prepare the empty database."""
    instances = [RunningService(name, database_url) for _ in range(2)]
    try:
        for instance in instances:
            instance.wait_until_ready()
        yield instances
    finally:
        for instance in instances:
            instance.stop()


@pytest.fixture
def two_inventories(fresh_database: str) -> Iterator[list[RunningService]]:
    """Two instances of a service that has a seed."""
    yield from start_two("inventory", fresh_database)


@pytest.fixture
def two_payments(fresh_database: str) -> Iterator[list[RunningService]]:
    """Two instances of the payments service."""
    yield from start_two("payments", fresh_database)


def test_both_answer_from_the_same_rows(two_inventories: list[RunningService], saga: str) -> None:
    """The database was migrated and seeded once; what one does, the other sees and can undo."""
    one, other = two_inventories
    assert one.http.get("/stock").json() == other.http.get("/stock").json()
    assert one.post("/reservations", f"{saga}:a", BOOK).status_code == 201
    assert other.http.get("/stock").json()["book"] == 499
    undone = other.post("/reservations/release", f"{saga}:c", {"undoes": f"{saga}:a"})
    assert undone.json() == {"undone": True}
    assert one.http.get("/stock").json()["book"] == 500


def test_same_key_sent_to_both_at_once_has_one_effect(
    two_payments: list[RunningService], saga: str
) -> None:
    for number in range(10):
        answers = at_once(
            lambda instance: instance.post("/payments", f"{saga}:{number}", PAYMENT),  # noqa: B023  (called at once)
            two_payments * 3,
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
    assert len(two_payments[0].ledger(saga)) == 10


def test_when_one_is_killed_in_a_request_the_other_answers_the_retry(
    two_inventories: list[RunningService], saga: str
) -> None:
    """R4 at the participant: killed after the claim of the key, before the commit."""
    one, other = two_inventories
    with psycopg.connect(one.database_url) as slow, ThreadPoolExecutor(2) as threads:
        slow.execute("SELECT FROM inventory_stock WHERE sku = 'book' FOR UPDATE")
        lost = threads.submit(one.post, "/reservations", saga, BOOK)
        one.wait_for_blocked_transactions(1)
        one.process.kill()
        one.process.wait(10)
        assert lost.exception(10) is not None
        # The retry finds the key still held by the dead one's session, and waits for it.
        retry = threads.submit(other.post, "/reservations", saga, BOOK)
        other.wait_for_blocked_transactions(2)
        slow.rollback()
        answer = retry.result(20)
    assert answer.status_code == 201
    assert [entry["amount"] for entry in other.ledger(saga)] == [-1]
    assert other.http.get("/stock").json()["book"] == 499


def test_when_one_is_killed_before_it_answers_the_other_gives_its_answer(
    two_payments: list[RunningService], saga: str
) -> None:
    """R4 at the participant: killed after the commit, before the answer has left."""
    one, other = two_payments
    one.add_fault(path="/payments", when="after", latency=60)
    with ThreadPoolExecutor(1) as thread:
        lost = thread.submit(one.post, "/payments", saga, PAYMENT)
        wait_until(lambda: len(other.ledger(saga)) == 1)
        one.process.kill()
        assert lost.exception(10) is not None
    other.http.delete("/faults")
    began = time.monotonic()
    assert other.post("/payments", saga, PAYMENT).status_code == 201
    assert time.monotonic() - began < 30
    assert len(other.ledger(saga)) == 1
