"""Hints on RabbitMQ and on Valkey: Celery's own messages, many at a time, over kept connections."""

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from typing import Any

import pytest
from celery import current_app, signals
from django.conf import LazySettings
from kombu import Connection, Exchange
from redis import Redis

from sagas.broker.batch import Outgoing, batch_on
from sagas.machine import Direction, Saga, SagaStep
from sagas.worker import hints, sending
from tests.configured import configure
from tests.realtime.brokers import Broker, writes_to_rabbitmq
from tests.surroundings.marks import fast_path
from tests.worker.hinted import (
    LIMIT,
    arrived,
    committed,
    forget,
    hinted_saga,
    nothing,
    until_there,
)


@pytest.fixture
def on_broker(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """Celery's broker is this one, and nothing is connected to it yet."""
    for name in ("broker_url", "broker_write_url", "broker_read_url"):
        monkeypatch.setitem(current_app.conf, name, broker.bus.url)
    forget()
    yield broker
    forget()


@pytest.fixture
def saga() -> Iterator[Saga]:
    with hinted_saga() as found:
        yield found


def test_a_hint_is_the_message_that_celery_sends(on_broker: Broker, saga: Saga) -> None:
    step, task = saga.claimed_steps[0], current_app.tasks[f"{saga.saga_type}.a"]
    hints.send_hints([committed(saga, 7)])
    with current_app.connection_for_write() as connection:
        task.apply_async(
            (7, 5),
            queue=step.queue,
            argsrepr="('s-7',)",
            kwargsrepr="{}",
            connection=connection,
        )
    ours, theirs = arrived(saga, 2)
    assert ours.body == theirs.body
    assert ours.headers["id"] == ours.headers["root_id"] == ours.properties["correlation_id"]
    for each in (ours, theirs):
        for part, names in (
            (each.headers, ("id", "root_id")),
            (each.properties, ("correlation_id", "delivery_tag")),
        ):
            for name in names:
                part.pop(name, None)
        for name in ("application_headers", "argsrepr", "kwargsrepr"):  # the headers have them
            each.properties.pop(name, None)
        each.delivery_info.pop("delivery_tag", None)
    # Theirs tells the task's own limits, which the worker knows.
    ours.headers.pop("timelimit"), theirs.headers.pop("timelimit")
    ours.headers.pop(hints.HEADER)
    assert ours.headers == theirs.headers
    assert ours.headers["argsrepr"] == "('s-7',)"
    assert ours.properties == theirs.properties
    assert ours.delivery_info == theirs.delivery_info
    assert ours.content_type == theirs.content_type == "application/json"


def test_hints_go_by_the_router_and_the_signals_of_celery(
    on_broker: Broker, saga: Saga, monkeypatch: pytest.MonkeyPatch
) -> None:
    routed = {f"{saga.saga_type}.*": {"queue": f"queue-{saga.saga_type}", "priority": 3}}
    monkeypatch.setitem(current_app.conf, "task_routes", routed)
    current_app.amqp.flush_routes()
    elsewhere = Saga(saga.saga_type, [SagaStep("a", nothing, nothing)])  # no queue of its own

    def sign(headers: dict[str, Any], **_: Any) -> None:
        headers["traceparent"] = "00-1-2-01"

    signals.before_task_publish.connect(sign)
    try:
        monkeypatch.setattr(current_app.amqp, "router", current_app.amqp.Router())
        hints.send_hints([committed(elsewhere, 1, Direction.COMPENSATION)])
        [message] = arrived(saga, 1)
    finally:
        signals.before_task_publish.disconnect(sign)
        monkeypatch.undo()
        current_app.amqp.flush_routes()
    assert message.headers["task"] == f"{saga.saga_type}.a.compensate"
    assert message.headers["traceparent"] == "00-1-2-01"
    assert message.properties["priority"] == 3


@fast_path
def test_the_hints_of_a_thousand_go_in_one_write(
    on_broker: Broker, saga: Saga, monkeypatch: pytest.MonkeyPatch
) -> None:
    hints.send_hints([committed(saga, 0)])  # the queue is there, and the connection
    if on_broker.name == "valkey":
        server = Redis.from_url(on_broker.bus.url)
        server.config_resetstat()
    else:
        [sender] = sending._idle
        sizes = writes_to_rabbitmq(sender._gathering._channel, monkeypatch)
    hints.send_hints([committed(saga, number) for number in range(1, 1001)])
    if on_broker.name == "valkey":
        commands = server.info("commandstats")
        assert commands.pop("cmdstat_lpush")["calls"] == 1
        assert not {f"cmdstat_{name}" for name in ("smembers", "llen", "publish")} & set(commands)
    else:
        assert len(sizes) == 1
    messages = arrived(saga, 1 + ceil(1000 / hints.TOGETHER))
    told = [each for message in messages for each in all_told(message)]
    assert told == [[number, 5] for number in range(1001)]


@pytest.mark.parametrize("broker", ["valkey"], indirect=True)
def test_l2_what_is_taken_from_redis_is_kept_nowhere_and_goes_back_if_its_worker_stops(
    on_broker: Broker, saga: Saga
) -> None:
    """The row stands behind it: what Kombu would keep costs two round trips for each message."""
    hints.send_hints([committed(saga, 7)])
    queue, taken = current_app.amqp.queues[f"queue-{saga.saga_type}"], list[Any]()
    server = Redis.from_url(on_broker.bus.url)
    with current_app.connection_for_read() as connection:
        with connection.Consumer([queue], on_message=taken.append):
            server.config_resetstat()
            connection.drain_events(timeout=LIMIT)
        used = set(server.info("commandstats"))
        assert used <= {"cmdstat_brpop", "cmdstat_config|resetstat", "cmdstat_info"}
        assert len(taken) == 1
    assert [all_told(message) for message in arrived(saga, 1)] == [[[7, 5]]]


def all_told(message: Any) -> list[list[int]]:
    """Execution and fence of each saga that a message tells of."""
    others = hints.others_in(message.headers).told
    return [message.decode()[0], *([each.execution_id, each.fence] for each in others)]


@fast_path
def test_few_hints_have_a_message_each_so_that_many_processes_find_work(
    on_broker: Broker, saga: Saga
) -> None:
    few = 2 * hints.SPREAD - 1
    hints.send_hints([committed(saga, number) for number in range(few)])
    assert [all_told(message) for message in arrived(saga, few)] == [[[n, 5]] for n in range(few)]
    hints.send_hints([committed(saga, number) for number in range(few + 1)])
    assert {len(all_told(message)) for message in arrived(saga, hints.SPREAD)} == {2}


@pytest.mark.parametrize("why", ["its rate", "its step", "the setting"])
def test_what_needs_a_message_of_its_own_has_one(
    on_broker: Broker, saga: Saga, why: str, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    match why:
        case "its rate":
            monkeypatch.setattr(current_app.tasks[f"{saga.saga_type}.a"], "rate_limit", "9/s")
        case "its step":
            step = replace(saga.claimed_steps[0], run_on=False)
            saga = Saga(saga.saga_type, [step])
        case _:
            configure(settings, INLINE_STEPS=1)
    count = 2 * hints.SPREAD
    hints.send_hints([committed(saga, number) for number in range(count)])
    assert {len(all_told(message)) for message in arrived(saga, count)} == {1}


def test_what_was_not_followed_is_sent_again_to_the_same_queue(
    on_broker: Broker, saga: Saga
) -> None:
    told = [hints.HintTarget(number, 5, f"s-{number}") for number in range(3)]
    others = hints.OtherHints(saga.claimed_steps[0].queue, told)
    hints.send_again(f"{saga.saga_type}.a", others)
    assert [all_told(message) for message in arrived(saga, 3)] == [[[n, 5]] for n in range(3)]


def test_l2_a_broker_that_is_away_costs_one_warning_and_is_tried_again(
    on_broker: Broker, saga: Saga, caplog: pytest.LogCaptureFixture
) -> None:
    hints.send_hints([committed(saga, 1)])
    on_broker.stop()
    try:
        hints.send_hints([committed(saga, 2), committed(saga, 3)])
        assert [record.levelname for record in caplog.records].count("WARNING") == 1
        assert "and 1 others" in caplog.text
    finally:
        on_broker.start()
    hints.send_hints([committed(saga, 4)])
    until_there(saga, 4)


def test_a_connection_that_was_lost_meanwhile_costs_no_hint(on_broker: Broker, saga: Saga) -> None:
    """It lay idle while the broker was started again: the first hint after that arrives."""
    hints.send_hints([committed(saga, 1)])
    on_broker.stop()
    on_broker.start()
    hints.send_hints([committed(saga, 2)])
    until_there(saga, 2)


def test_l2_a_broker_that_says_nothing_is_waited_for_no_longer_than_the_limit(
    on_broker: Broker, saga: Saga, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    options = dict.fromkeys(sending.LIMITS["transport_options"], 0.5)
    limits = {"connect_timeout": 0.5, "transport_options": options}
    monkeypatch.setattr(sending, "LIMITS", limits)
    on_broker.supervisor.kill(on_broker.name, signal.SIGSTOP)
    try:
        hints.send_hints([committed(saga, 1)])
        assert f"no hint for {saga.saga_type}.a" in caplog.text
    finally:
        on_broker.supervisor.kill(on_broker.name, signal.SIGCONT)


def test_a_child_uses_none_of_its_parents_connections(on_broker: Broker, saga: Saga) -> None:
    hints.send_hints([committed(saga, 1)])
    [kept] = sending._idle
    child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LIMIT)
        hints.send_hints([committed(saga, 2)])
        os._exit(0 if len(sending._idle) == 1 and sending._idle[0] is not kept else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    hints.send_hints([committed(saga, 3)])
    assert list(sending._idle) == [kept], "the parent goes on with its own"
    assert sorted(message.decode()[0][0] for message in arrived(saga, 3)) == [1, 2, 3]


def test_threads_send_at_the_same_time_each_by_itself(on_broker: Broker, saga: Saga) -> None:
    begin = threading.Barrier(4)

    def send(first: int) -> None:
        begin.wait(LIMIT)
        for number in range(first, first + 50):
            hints.send_hints([committed(saga, number)])

    threads = [threading.Thread(target=send, args=(100 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    found = [message.decode()[0][0] for message in arrived(saga, 200)]
    expected = {100 * n + number for n in range(4) for number in range(50)}
    assert len(found) == 200
    assert set(found) == expected


def test_what_goes_to_no_queue_goes_where_celery_sends_it(valkey: Broker) -> None:
    """An event of Celery's, by a fanout exchange: on Valkey that is no queue, but pub/sub."""
    server = Redis.from_url(valkey.bus.url)
    with Connection(valkey.bus.url) as connection, server.pubsub() as heard:
        channel = connection.channel()
        Exchange("shouts", type="fanout").declare(channel=channel)
        heard.psubscribe("*shouts*")
        assert heard.get_message(timeout=LIMIT)["type"] == "psubscribe"
        message = channel.prepare_message(b"{}", content_type="application/json")
        batch_on(channel).send([Outgoing(message, "shouts", "x")])
        assert heard.get_message(timeout=LIMIT)["type"] == "pmessage"
