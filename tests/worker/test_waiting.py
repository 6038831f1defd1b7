"""Messages that wait in a worker's main process, with Celery's and Kombu's own parts of it."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from celery.exceptions import WorkerLostError
from celery.worker import state
from celery.worker.request import Request

from sagas.machine import Saga, SagaStep
from sagas.worker.fast import latency, message_batching
from sagas.worker.fast.message_batching import ENOUGH
from sagas.worker.hints import HEADER, TOGETHER, HintTarget, others_in
from sagas.worker.lost import LostClaim
from sagas.worker.steps import register_tasks
from tests.surroundings.marks import fast_path
from tests.worker.calls import note
from tests.worker.main_process import PREFETCH, PROCESSES, Main

pytestmark = fast_path

NAMES = ("shop.a", "shop.b")


@pytest.fixture(autouse=True)
def known(define: Any) -> Iterator[None]:
    """Two tasks, both of which are known as latency."""
    before = set(current_app.tasks)
    register_tasks([define(Saga("shop", [SagaStep("a", note), SagaStep("b", note)]))])
    for name in NAMES:
        know(name, 1)
    yield
    for name in NAMES:
        know(name, 0)
    for name in set(current_app.tasks) - before:
        current_app.tasks.unregister(name)
    state.reset_state()


def know(name: str, is_so: int) -> None:
    latency._runs[latency._places[name]] = ((1 << latency.RUNS) - 1) * is_so


def test_those_that_wait_for_one_step_go_to_one_process() -> None:
    main = Main()
    for number in range(5):
        main.receive(number)
    assert main.handed() == []
    main.semaphore.release()
    assert main.handed() == [[0, 1, 2, 3, 4]]
    [told, *_] = others_in(main.pool.handed[0]["request"]).told
    assert told == HintTarget(1, 5, "s-1", "id-1")
    main.semaphore.release()
    assert (len(main.handed()), main.semaphore.value) == (1, 1), "the others ask for none"


def test_they_are_acknowledged_when_that_process_takes_them() -> None:
    main = Main()
    for number in range(3):
        main.receive(number)
    main.semaphore.release()
    assert main.acknowledged == [], "who dies before it takes them leaves them to the broker"
    main.pool.handed[0]["accept_callback"](1234, time.monotonic())
    assert main.acknowledged == ["id-0", "id-1", "id-2"]
    assert set(state.requests) == {"id-0"}, "of the others its child tells"
    assert state.total_count["shop.a"] == 3


def test_r4_all_of_them_are_noted_when_their_process_dies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted: list[LostClaim] = []
    monkeypatch.setattr("sagas.worker.step_request.note", noted.append)
    monkeypatch.setattr(Request, "on_failure", lambda *_: None)
    main = Main()
    requests = [main.receive(number) for number in range(3)]
    main.semaphore.release()
    main.pool.handed[0]["accept_callback"](1234, time.monotonic())
    requests[0].on_failure(SimpleNamespace(exception=WorkerLostError("signal 9")))
    [claim] = noted
    assert claim.execution_id == 0
    assert [told.execution_id for told in claim.others.told] == [1, 2]


def test_those_for_others_go_by_themselves() -> None:
    main = Main()
    main.receive(0)
    main.receive(1, "shop.b")
    main.receive(2, queue="else")
    main.receive(3)
    for _ in range(3):
        main.semaphore.release()
        main.turn_until_handed(1)
    main.turn_until_handed(3)
    assert sorted(main.handed()) == [[0, 3], [1], [2]]


def test_no_more_go_together_than_share_a_message() -> None:
    main = Main()
    told = [(100 + number, 5, "s") for number in range(TOGETHER - 2)]
    main.receive(0)
    more: dict[str, Any] = {HEADER: {"queue": "", "saga_id": "s-1", "hints": told}}
    main.receive(1, **more)
    main.receive(2)
    main.semaphore.release()
    main.semaphore.release()
    main.turn_until_handed(2)
    assert [len(each) for each in main.handed()] == [TOGETHER, 1]


@pytest.mark.parametrize("why", ["slow", "its rate", "late acknowledgement", "older code", "R20"])
def test_what_cannot_go_with_others_waits_alone(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    main, headers = Main(), dict[str, Any]()
    match why:
        case "slow":
            know("shop.a", 0)
        case "its rate":
            monkeypatch.setattr(current_app.tasks["shop.a"], "rate_limit", "9/s")
        case "late acknowledgement":
            monkeypatch.setattr(current_app.tasks["shop.a"], "acks_late", True)
        case "older code":
            headers = {HEADER: {"queue": "", "hints": []}}
        case _:
            headers = {HEADER: {"queue": "", "saga_id": ["s"], "hints": []}}
    for number in range(3):
        main.receive(number, **headers)
    for _ in range(3):
        main.semaphore.release()
    assert main.handed() == [[0], [1], [2]]


@pytest.mark.django_db
def test_one_that_was_revoked_meanwhile_does_not_go() -> None:
    main = Main()
    for number in range(3):
        main.receive(number)
    state.revoked.update(["id-0", "id-2"])
    main.semaphore.release()
    assert main.handed() == [[1]]
    assert main.acknowledged == ["id-0", "id-2"]


@pytest.mark.django_db
def test_if_all_were_revoked_the_process_stays_free() -> None:
    main = Main()
    main.receive(0)
    state.revoked.add("id-0")
    main.semaphore.release()
    assert (main.handed(), main.semaphore.value) == ([], 1)


@pytest.fixture
def leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second counts as "right after", so that a slow machine keeps up."""
    monkeypatch.setattr(message_batching, "SUCCESSION", 1.0)
    monkeypatch.setattr(message_batching, "LINGER", 60.0)


@pytest.mark.usefixtures("leisure")
def test_from_a_broker_that_hands_out_one_by_one_they_wait_for_the_next() -> None:
    main = Main(free=PROCESSES)
    main.receive(0)
    assert main.handed() == [[0]], "nobody came before it"
    began = time.monotonic()
    main.receive(1)
    main.receive(2)
    main.turn_until_handed(2)
    assert main.handed() == [[0], [1, 2]]
    assert time.monotonic() - began >= message_batching.SUCCESSION


@pytest.mark.usefixtures("leisure")
def test_a_full_group_waits_for_nobody() -> None:
    main = Main(free=PROCESSES)
    for number in range(1 + TOGETHER):
        main.receive(number)
    main.turn_until_handed(2)
    assert [len(each) for each in main.handed()] == [1, TOGETHER]


def test_l2_none_waits_for_the_next_for_longer_than_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(message_batching, "LINGER", 0.0)
    main = Main(free=PROCESSES)
    for number in range(3):
        main.receive(number)
    assert main.handed() == [[0], [1]]


def test_a_saga_that_is_alone_never_waits() -> None:
    """Each of its steps may come by a message, right after the one before."""
    main = Main(free=PROCESSES)
    main.receive(7)
    main.receive(7, "shop.b")
    assert main.handed() == [[7], [7]]


def test_more_is_taken_ahead_while_only_quick_steps_come() -> None:
    main = Main()
    for number in range(ENOUGH - 1):
        main.receive(number)
    assert main.qos.value == PREFETCH
    main.receive(ENOUGH)
    assert main.qos.value == PREFETCH + PROCESSES * TOGETHER
    know("shop.b", 0)
    main.receive(ENOUGH + 1, "shop.b")
    assert main.qos.value == PREFETCH
    main.receive(ENOUGH + 2)
    assert main.qos.value == PREFETCH, "not for the first that is quick again"


def test_a_worker_with_a_limit_takes_no_more_ahead_than_that() -> None:
    main = Main()
    main.qos.max_prefetch = PREFETCH + 1
    for number in range(ENOUGH):
        main.receive(number)
    assert main.qos.value == PREFETCH + 1
    know("shop.b", 0)
    main.receive(ENOUGH, "shop.b")
    assert main.qos.value == PREFETCH


def test_r2_what_waited_when_the_connection_was_lost_is_forgotten() -> None:
    """The broker hands it out anew."""
    main = Main()
    main.receive(0)
    main.semaphore.clear()  # as Celery does
    main.semaphore.value = 0
    main.step.start(main.consumer)
    main.receive(1)
    main.semaphore.release()
    main.turn_until_handed(1)
    assert main.handed() == [[1]]
