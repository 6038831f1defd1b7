"""Async actions on the real engine: what becomes of them."""

import asyncio
import functools
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from sagas import ForEach, Later, Rejected, Retry, Saga, SagaStep, engine
from sagas.engine import event_loop
from sagas.services.calling import current_step, note_write
from sagas.testing.workers import work_off
from tests.engine.async_actions import (  # noqa: F401  (with what every test here has)
    NOTES,
    ONCE,
    TookTooLong,
    _no_notes,
    failures,
    noting,
    play,
)
from tests.engine.driving import row

pytestmark = pytest.mark.django_db(transaction=True)


class Call:
    async def __call__(self, context: Any) -> dict[str, Any]:
        return {"called": True}

    @staticmethod
    async def static(context: Any) -> dict[str, Any]:
        return {"static": True}


def test_whatever_is_async_is_awaited(define: Any, committed: Any) -> None:
    async def of_two(context: Any, word: str) -> dict[str, Any]:
        return {"partial": word}

    found = play(
        define,
        committed,
        SagaStep("pay", noting("paid"), noting("refunded")),
        SagaStep("call", Call()),
        SagaStep("static", Call.static),
        SagaStep("part", functools.partial(of_two, word="x")),
        SagaStep("plain", lambda context: Call.static(context)),
        SagaStep("threaded", sync_to_async(lambda context: {"threaded": True})),
    )
    assert found.status == "completed"
    assert found.context == {
        "noted": "paid",
        "called": True,
        "static": True,
        "partial": "x",
        "threaded": True,
    }


@dataclass
class Order:
    amount: int


@dataclass
class Paid:
    paid: int


def test_a_typed_context_is_an_async_actions_too(define: Any, committed: Any) -> None:
    async def pay(order: Order) -> Paid:
        return Paid(2 * order.amount)

    found = play(define, committed, SagaStep("pay", pay), amount=4)
    assert found.context == {"amount": 4, "paid": 8}


def test_s4_an_async_compensation_undoes_an_async_action(define: Any, committed: Any) -> None:
    async def refuse(context: Any) -> None:
        raise Rejected("no")

    found = play(
        define,
        committed,
        SagaStep("pay", noting("paid"), noting("refunded")),
        SagaStep("pack", refuse),
    )
    assert (found.status, NOTES) == ("compensated", ["paid", "refunded"])
    assert failures()[0] == ("Rejected", "rejected")


@pytest.mark.parametrize("known", [None, {"noted": "by the probe"}])
def test_r4_an_async_probe_is_asked(define: Any, committed: Any, known: Any) -> None:
    async def fail(context: Any) -> None:
        NOTES.append("tried")
        if NOTES.count("tried") == 1:
            raise ValueError("nobody knows")

    async def ask(context: Any) -> Any:
        NOTES.append(context["idempotency_key"] == context["action_key"])
        return known

    define(Saga("shop", [SagaStep("pay", fail, probe=ask, retry=Retry(backoff=0))]))
    started = engine.start("shop", {})
    work_off(committed)
    assert row(started.execution_id).status == "completed"
    assert NOTES[2:] == ([] if known else ["tried"])


def test_each_item_may_be_done_async(define: Any, committed: Any) -> None:
    async def double(context: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"twice": 2 * context["item"]}

    each = ForEach("each", over="numbers", action=double)
    found = play(define, committed, each, numbers=[1, 2, 3])
    assert found.context["each"] == [{"twice": 2}, {"twice": 4}, {"twice": 6}]


def test_r25_what_it_raises_is_reported_by_name(define: Any, committed: Any) -> None:
    errors = [
        asyncio.CancelledError,
        SystemExit,
        KeyboardInterrupt,
        GeneratorExit,
        MemoryError,
        TimeoutError,
        TookTooLong,
    ]

    async def fail(context: Any) -> None:
        await asyncio.sleep(0)
        raise errors[context["attempt"] - 1]

    play(define, committed, SagaStep("pay", fail, retry=Retry(len(errors), backoff=0)))
    assert failures()[: len(errors)] == [(each.__name__, "unknown") for each in errors]


def test_r25_a_task_of_its_own_that_exits_ends_the_attempt_alone(
    define: Any, committed: Any
) -> None:
    async def leave() -> None:
        raise SystemExit("as it says")

    async def act(context: Any) -> None:
        await asyncio.gather(leave())

    play(define, committed, SagaStep("pay", act, retry=ONCE))
    assert failures()[0] == ("SystemExit", "unknown")
    assert event_loop.run(asyncio.sleep(0, "still there")) == "still there"


def test_s9_a_result_that_is_no_mapping_is_refused_as_ever(define: Any, committed: Any) -> None:
    async def act(context: Any) -> Any:
        return 5

    play(define, committed, SagaStep("pay", act, retry=ONCE))
    assert failures()[0] == ("NotStorable", "unknown")


def test_an_atomic_step_whose_function_returns_a_coroutine_fails(
    define: Any, committed: Any
) -> None:
    """No definition tells that it will."""
    step = SagaStep("pay", lambda context: Call.static(context), atomic=True, retry=ONCE)
    found = play(define, committed, step)
    assert failures()[0][0] == "TypeError"
    assert found.context == {}


def test_each_action_has_a_copy_of_the_context_variables(define: Any, committed: Any) -> None:
    var = ContextVar("var", default="unset")

    async def act(context: Any) -> None:
        NOTES.append(var.get())
        var.set("set")

    play(define, committed, SagaStep("a", act), SagaStep("b", act))
    assert (NOTES, var.get()) == (["unset", "unset"], "unset")


def test_a_clients_call_is_made_for_the_step(define: Any, committed: Any) -> None:
    async def act(context: Any) -> None:
        for _ in range(2):
            step = current_step()
            NOTES.append(step is not None and step.key == context["idempotency_key"])
        await sync_to_async(note_write)("POST")
        raise Later("too late: it has written")

    async def in_thread(context: Any) -> None:
        step = await asyncio.to_thread(current_step)
        NOTES.append(step is not None and step.key == context["idempotency_key"])

    play(define, committed, SagaStep("a", in_thread), SagaStep("b", act, retry=ONCE))
    assert NOTES == [True, True, True]
    assert failures()[0] == ("Later", "unknown")
