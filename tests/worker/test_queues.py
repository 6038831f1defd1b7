"""What the broker says of its queues, and what becomes of it when it says nothing."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.conf import LazySettings

from sagas.engine import Queues
from sagas.machine import Direction, Saga, SagaStep
from sagas.worker import queues
from sagas.worker.queues import QueueWatch, length_of, routes_by_queue
from tests.configured import configure
from tests.surroundings.marks import fast_path

ACTION, COMPENSATION = Direction.ACTION, Direction.COMPENSATION


def nothing(context: Any) -> None:
    """An action that is never called."""


@pytest.fixture
def queue() -> Iterator[str]:
    """The name of a queue that is empty and is deleted afterwards."""
    name = f"queue-{uuid4().hex}"
    yield name
    with current_app.connection_for_write() as connection:
        connection.default_channel.queue_delete(name)


def fill(queue: str, count: int) -> None:
    with (
        current_app.connection_for_write() as connection,
        connection.SimpleQueue(queue) as messages,
    ):
        for number in range(count):
            messages.put(number)


@fast_path
def test_r21_a_queue_is_full_with_more_messages_than_workers_take_at_once(
    queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "ENOUGH", 3)
    monkeypatch.setattr(queues, "TRUSTED_FOR", 0)
    saga = Saga("shop", [SagaStep("a", nothing, queue=queue), SagaStep("b", nothing)])
    watch = QueueWatch([saga])
    assert watch(set()).full == {}, "there is no such queue yet"
    fill(queue, 3)
    assert watch(set()).full == {}
    fill(queue, 1)
    assert watch(set()).full == {
        ("shop", 1, "a", ACTION): queue,
        ("shop", 1, "a", COMPENSATION): queue,
    }


def test_l2_a_queue_is_free_with_few_messages_whosever_it_is(
    queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "FEW", 3)
    monkeypatch.setattr(queues, "TRUSTED_FOR", 0)
    for watch, others in (
        (QueueWatch([Saga("shop", [SagaStep("a", nothing, queue=queue)])]), set[str]()),
        (QueueWatch([]), {queue}),
    ):
        assert queue in watch(others).free, "there is no such queue yet"
        fill(queue, 3)
        assert queue in watch(others).free
        fill(queue, 1)
        assert queue not in watch(others).free
        assert watch(others).full == {}
        with current_app.connection_for_write() as connection:
            connection.default_channel.queue_purge(queue)


def test_what_the_broker_said_is_trusted_for_a_while(
    queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "ENOUGH", 3)
    watch = QueueWatch([Saga("shop", [SagaStep("a", nothing, queue=queue)])])
    watch(set())
    fill(queue, 4)
    assert watch(set()).full == {}
    assert watch({queue}).full == {}
    assert watch({queue, "another"}).full != {}, "it was not asked for that one"
    assert watch({"another"}).free == watch(set()).free == {"another", queue}


def test_the_length_of_a_queue_is_what_it_holds(queue: str) -> None:
    fill(queue, 5)
    with current_app.connection_for_read() as connection:
        assert length_of(queue, connection) == 5
        assert length_of(f"no-{queue}", connection) == 0


@pytest.fixture
def routing() -> Iterator[Any]:
    """Sets Celery's task_routes for a test."""

    def use(routes: Any) -> None:
        current_app.conf.task_routes = routes
        current_app.amqp.flush_routes()
        current_app.amqp.router = current_app.amqp.Router()

    yield use
    use(None)


def test_hints_are_routed_as_celery_routes_them(routing: Any) -> None:
    routing({"shop.b.compensate": {"queue": "patient"}, "shop.a": {"queue": "elsewhere"}})
    versions = [
        Saga("shop", [SagaStep("a", nothing, queue="fast"), SagaStep("b", nothing)]),
        Saga("shop", [SagaStep("a", nothing, queue="slow")], version=2),
    ]
    assert routes_by_queue(versions) == {
        "fast": {("shop", 1, "a", ACTION), ("shop", 1, "a", COMPENSATION)},
        "slow": {("shop", 2, "a", ACTION), ("shop", 2, "a", COMPENSATION)},
        "sagas": {("shop", 1, "b", ACTION)},
        "patient": {("shop", 1, "b", COMPENSATION)},
    }


def test_r28_what_has_no_queue_goes_to_the_engines_own(
    routing: Any, settings: LazySettings
) -> None:
    """Whatever the project's default queue is; but where `task_routes` says so, it goes there."""
    steps = [SagaStep(name, nothing) for name in ("a", "b", "c", "d")]
    routing([{"shop.a": "elsewhere"}, {"shop.b": {"priority": 3}, "shop.c": {"exchange": "x"}}])
    configure(settings, QUEUE="engine")
    assert routes_by_queue([Saga("shop", steps)]) == {
        "elsewhere": {("shop", 1, "a", ACTION)},
        "engine": {
            ("shop", 1, "a", COMPENSATION),
            *(("shop", 1, "b", direction) for direction in Direction),
            ("shop", 1, "c", COMPENSATION),
            *(("shop", 1, "d", direction) for direction in Direction),
        },
    }
    assert current_app.conf.task_default_queue != "engine"


def test_r28_workers_take_from_the_engines_queue_and_from_the_projects() -> None:
    assert {"sagas", current_app.conf.task_default_queue} <= set(
        current_app.amqp.queues.consume_from
    )


def test_r28_a_queue_that_no_worker_takes_from_is_told(
    queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    saga = Saga("shop", [SagaStep("a", nothing, queue=queue)])

    def told(*consumed: str) -> str:
        caplog.clear()
        consumer = SimpleNamespace(consuming_from=lambda name: name in consumed)
        worker = SimpleNamespace(consumer=SimpleNamespace(task_consumer=consumer))
        queues.tell_unconsumed([saga], worker)
        return caplog.text

    assert told() == "", "nothing waits there"
    fill(queue, 1)
    assert f"no worker that answers consumes it. Start one with `-Q {queue}`" in told()
    assert told(queue) == ""


def test_a_broker_that_does_not_answer_has_no_full_queue_and_no_free_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(**_: Any) -> Any:
        raise ConnectionRefusedError("no broker")

    monkeypatch.setattr(type(current_app._get_current_object()), "connection_for_read", refuse)
    assert QueueWatch([Saga("shop", [SagaStep("a", nothing)])])({"another"}) == Queues()
    assert "does not say how long" in caplog.text
