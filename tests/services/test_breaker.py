"""A service whose calls fail is left alone for a while: later, not failed."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pybreaker
import pytest

from sagas.services import breaker
from sagas.services.breaker import FAILURES, OPEN_SECONDS
from sagas.services.errors import NoAnswer, ServiceRejected, ServiceUnavailable
from tests.services.conftest import Things
from tests.services.peers import Peer, http


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Puts the clock of the breakers forward."""
    ahead = timedelta()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + ahead

    def forward(seconds: float) -> None:
        nonlocal ahead
        ahead += timedelta(seconds=seconds)

    monkeypatch.setattr(breaker, "datetime", Clock)
    monkeypatch.setattr(pybreaker, "datetime", Clock)
    return forward


def fail(times: int) -> None:
    for _ in range(times):
        with pytest.raises(NoAnswer):
            Things().get("/things")


def test_after_so_many_failures_nothing_is_sent(peer: Callable[..., Peer]) -> None:
    service = peer(http(500))
    fail(FAILURES)
    for _ in range(10):
        with pytest.raises(ServiceUnavailable, match="not called for"):
            Things().get("/things")
    assert len(service.requests) == FAILURES


def test_then_one_call_tries_it(
    peer: Callable[..., Peer], pass_time: Callable[[float], None]
) -> None:
    service = peer(http(500))
    fail(FAILURES)
    pass_time(OPEN_SECONDS + 0.1)
    fail(1)  # the one
    with pytest.raises(ServiceUnavailable):
        Things().get("/things")
    assert len(service.requests) == FAILURES + 1
    pass_time(OPEN_SECONDS + 0.1)
    service.answer = http(200)
    for _ in range(3):
        assert Things().get("/things") == {}


def test_while_one_tries_it_the_others_wait(
    peer: Callable[..., Peer], pass_time: Callable[[float], None]
) -> None:
    service = peer(http(500))
    fail(FAILURES)
    pass_time(OPEN_SECONDS + 0.1)
    go_on = threading.Event()

    def wait_and_answer(connection: object) -> None:
        go_on.wait(5)
        http(200)(connection)  # type: ignore[arg-type]

    service.asked.clear()
    service.answer = wait_and_answer
    came: list[object] = []

    class Patient(Things):
        read_seconds = 5

    trial = threading.Thread(target=lambda: came.append(Patient().get("/things")))
    trial.start()
    assert service.asked.wait(5)
    with pytest.raises(ServiceUnavailable):
        Things().get("/things")
    go_on.set()
    trial.join(5)
    assert came == [{}]
    service.answer = http(200)
    assert Things().get("/things") == {}


def test_calls_of_several_threads_are_in_flight_at_once(peer: Callable[..., Peer]) -> None:
    """pybreaker's own `call` would let them in one after the other."""
    together = threading.Barrier(3)

    def meet(connection: object) -> None:
        together.wait(5)
        http(200)(connection)  # type: ignore[arg-type]

    class Patient(Things):
        read_seconds = 5

    peer(meet)
    came: list[object] = []
    threads = [
        threading.Thread(target=lambda: came.append(Patient().get("/things"))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert came == [{}, {}, {}]


def test_a_refusal_is_a_sign_of_life(peer: Callable[..., Peer]) -> None:
    service = peer(http(500))
    for _ in range(3):
        service.answer = http(500)
        fail(FAILURES - 1)
        service.answer = http(404)
        with pytest.raises(ServiceRejected):
            Things().get("/things")


def test_each_service_has_its_own(peer: Callable[..., Peer]) -> None:
    class OtherHints(Things):
        service = "users"

    service = peer(http(500))
    fail(FAILURES)
    service.answer = http(200)
    assert OtherHints().get("/things") == {}


def test_a_call_that_cannot_be_sent_says_nothing_of_the_service(peer: Callable[..., Peer]) -> None:
    peer()
    for _ in range(FAILURES + 1):
        with pytest.raises(ServiceRejected):
            Things().get("/{}", "..")
    assert Things().get("/things") == {}
