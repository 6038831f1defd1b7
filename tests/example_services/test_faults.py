"""Each kind of fault, over a real socket: what the caller sees, and what has really happened.

The rest of the suite relies on these to bring about what a participant's promises are made for.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.waiting import wait_until

from .running import RunningService
from .samples import PAYMENT, at_once

pytestmark = pytest.mark.usefixtures("faults_cleared_afterwards")


def timed(call: Callable[[], httpx.Response]) -> tuple[httpx.Response, float]:
    """What `call` returned, and how many seconds it took."""
    start = time.monotonic()
    return call(), time.monotonic() - start


def test_error_before_the_effect_stores_nothing(payments: RunningService, saga: str) -> None:
    """No effect and no answer under the key: the retry is the first that counts."""
    payments.add_fault(answer=503, times=1)
    failed = payments.post("/payments", saga, PAYMENT)
    assert (failed.status_code, failed.json()["error"]) == (503, "injected_fault")
    assert payments.ledger(saga) == []
    assert payments.post("/payments", saga, {**PAYMENT, "amount_cents": 7}).status_code == 201


def test_error_after_the_effect_hides_a_success(payments: RunningService, saga: str) -> None:
    """The caller gets the 500, yet the effect is there, and the retry learns its answer."""
    payments.add_fault(answer=500, when="after", times=1)
    assert payments.post("/payments", saga, PAYMENT).status_code == 500
    assert len(payments.ledger(saga)) == 1
    assert payments.post("/payments", saga, PAYMENT).status_code == 201
    assert len(payments.ledger(saga)) == 1


@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after", 1)])
def test_drop_closes_the_connection_without_an_answer(
    payments: RunningService, saga: str, when: str, effects: int
) -> None:
    """Not a byte comes back, before or after the effect; the retry has the one effect."""
    payments.add_fault(answer="drop", when=when, times=1)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        payments.post("/payments", saga, PAYMENT)
    assert len(payments.ledger(saga)) == effects
    assert payments.post("/payments", saga, PAYMENT).status_code == 201
    assert len(payments.ledger(saga)) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_latency_delays_the_true_answer(payments: RunningService, saga: str, when: str) -> None:
    """With no answer of its own, a fault only makes the request late."""
    payments.add_fault(latency=0.4, when=when, times=1)
    answer, seconds = timed(lambda: payments.post("/payments", saga, PAYMENT))
    assert answer.status_code == 201
    assert seconds >= 0.4
    again, seconds_again = timed(lambda: payments.post("/payments", saga, PAYMENT))
    assert again.content == answer.content
    assert seconds_again < seconds


def test_latency_comes_before_an_error(payments: RunningService, saga: str) -> None:
    """An answer of the fault's own is as late as the true one would be."""
    payments.add_fault(latency=0.4, answer=504, key=saga)
    answer, seconds = timed(lambda: payments.post("/payments", saga, PAYMENT))
    assert answer.status_code == 504
    assert seconds >= 0.4


def test_late_request_lands_after_its_caller_has_gone(payments: RunningService, saga: str) -> None:
    """A caller's timeout proves nothing: the effect comes when nobody waits for it any more."""
    payments.add_fault(latency=0.5, times=1)
    with pytest.raises(httpx.ReadTimeout):
        payments.http.post(
            "/payments", headers={"Idempotency-Key": saga}, json=PAYMENT, timeout=0.1
        )
    assert payments.ledger(saga) == []
    wait_until(lambda: len(payments.ledger(saga)) == 1)


@pytest.mark.parametrize("when", ["before", "after"])
def test_latency_holds_no_database_connection(
    payments: RunningService, saga: str, when: str
) -> None:
    """More requests than the pool has connections are late, and others are served meanwhile."""
    payments.add_fault(latency=1.5, when=when, key=f"{saga}:late:*")
    with ThreadPoolExecutor(12) as threads:
        late = [
            threads.submit(payments.post, "/payments", f"{saga}:late:{n}", PAYMENT)
            for n in range(12)
        ]
        wait_until(lambda: payments.http.get("/faults").json()[0]["fired"] == 12)
        assert payments.post("/payments", f"{saga}:other", PAYMENT).status_code == 201
        assert not any(request.done() for request in late)
        assert {request.result().status_code for request in late} == {201}


def test_times_is_counted_across_concurrent_requests(payments: RunningService, saga: str) -> None:
    """A fault that is to fire 7 times hits exactly 7 of 30 requests."""
    payments.add_fault(answer=503, times=7)
    answers = at_once(lambda n: payments.post("/payments", f"{saga}:{n}", PAYMENT), range(30))
    assert sorted(answer.status_code for answer in answers) == [201] * 23 + [503] * 7
    assert payments.http.get("/faults").json()[0]["fired"] == 7
    assert len(payments.ledger(saga)) == 23


def test_for_seconds_runs_from_the_first_hit(payments: RunningService, saga: str) -> None:
    """An outage begins with the first request that meets it, and then ends by itself."""
    payments.add_fault(answer=503, for_seconds=0.5, key=saga)
    time.sleep(0.6)  # longer than the outage: had it begun with the fault, it would be over
    first_hit = time.monotonic()
    assert payments.post("/payments", saga, PAYMENT).status_code == 503
    wait_until(lambda: payments.post("/payments", saga, PAYMENT).status_code == 201)
    assert time.monotonic() - first_hit >= 0.5


@pytest.mark.parametrize(("probability", "status"), [(0, 201), (1, 503)])
def test_probability_is_never_at_zero_and_always_at_one(
    payments: RunningService, saga: str, probability: float, status: int
) -> None:
    payments.add_fault(answer=503, probability=probability)
    answers = [payments.post("/payments", f"{saga}:{n}", PAYMENT) for n in range(20)]
    assert {answer.status_code for answer in answers} == {status}


def test_key_and_path_choose_the_requests(payments: RunningService, saga: str) -> None:
    """A fault can be aimed at one step of one saga, and leaves all else alone."""
    payments.add_fault(answer=503, path="/payments", key=f"{saga}:*:action")
    assert payments.post("/payments", f"{saga}:pay:action", PAYMENT).status_code == 503
    assert payments.post("/payments", f"{saga}:pay:retry", PAYMENT).status_code == 201
    undo = {"undoes": f"{saga}:pay:action"}
    assert payments.post("/payments/refund", f"{saga}:undo:action", undo).status_code == 200


def test_reads_are_hit_and_the_control_addresses_are_not(users: RunningService) -> None:
    """A request without a key meets any fault for "*"; health, ledger and faults meet none."""
    users.add_fault(answer=500)
    assert users.http.get("/users/alice").status_code == 500
    assert users.http.get("/health").status_code == 200
    assert users.http.get("/ledger").status_code == 200
    assert users.http.delete("/faults").status_code == 204
    assert users.http.get("/users/alice").status_code == 200


def test_fault_with_a_key_spares_requests_without_one(users: RunningService, saga: str) -> None:
    """The key of a read is the empty one, unless the caller sends one."""
    users.add_fault(answer=500, key=saga)
    assert users.http.get("/users/alice").status_code == 200
    with_key = users.http.get("/users/alice", headers={"Idempotency-Key": saga})
    assert with_key.status_code == 500


def test_faults_are_listed_as_they_were_added(users: RunningService) -> None:
    """Defaults are filled in, so that the list says all about a fault."""
    users.add_fault(answer="drop", times=3)
    (fault,) = users.http.get("/faults").json()
    assert fault == {
        "id": fault["id"],
        "path": "*",
        "key": "*",
        "probability": 1.0,
        "latency": 0.0,
        "when": "before",
        "answer": "drop",
        "times": 3,
        "for_seconds": None,
        "fired": 0,
    }
