"""Polls: asked again and again, counted only when they fail, recorded only when that matters."""

from typing import Any

import pytest

from sagas import DefinitionError, Later, Poll, Rejected, Retry, Saga, SagaStep
from sagas.machine import (
    Effect,
    Failed,
    FailureKind,
    StepStatus,
    Succeeded,
    Verdict,
    agrees,
    fold,
)
from sagas.testing import Conversation
from tests.machine.conversation import ACTION, failure, nothing, step, talk


def poll(**options: Any) -> Poll:
    return Poll("job", nothing, **{"every": 60, **options})


def ask(saga: Conversation, *, after: float | None = None) -> None:
    """A worker asks, and there is no answer yet."""
    saga.fail("job", Later(after=after))


def check(saga: Conversation) -> None:
    assert agrees(fold(saga.history), saga.state), "S8"


def test_it_asks_until_there_is_an_answer() -> None:
    saga = talk(poll(), step("z"))
    for _ in range(100):
        ask(saga)
        assert saga.due() == set()
        saga.pass_time(67)  # the jitter is a tenth
    saga.succeed("job", result="here")
    assert saga.due() == {("z", "action")}
    assert saga.state.context == {"result": "here"}
    check(saga)


def test_s8_asks_alone_leave_no_event() -> None:
    saga = talk(poll(), step("z"))
    before = saga.types()
    for _ in range(100):
        ask(saga)
        check(saga)
        saga.pass_time(67)
    assert saga.types() == [*before, "saga.running"]
    saga.succeed("job")
    assert saga.types()[len(before) :] == [
        "saga.running",
        "step.asked",
        "step.succeeded",
        "step.scheduled",
    ]
    asked = saga.history[len(before) + 1]
    assert (asked.asks, asked.fence, asked.attempt) == (101, 101, 1)  # type: ignore[union-attr]


def test_s1_each_ask_has_a_fence_of_its_own() -> None:
    saga = talk(poll())
    first = saga.claim("job")
    saga.pass_time(36)  # its lease has ended
    saga.pass_time(2)
    second = saga.claim("job")
    assert second == first + 1
    late = saga.tell(Succeeded("job", ACTION, first, {"a": 1}))
    assert late.verdict is Verdict.LATE
    assert saga.state.step("job").status is StepStatus.RUNNING
    check(saga)
    saga.tell(Succeeded("job", ACTION, second, {"a": 2}))
    assert saga.state.context == {"a": 2}
    check(saga)


def test_r6_not_yet_said_twice_counts_once() -> None:
    saga = talk(poll())
    not_yet = Failed("job", ACTION, saga.claim("job"), failure(FailureKind.LATER))
    saga.tell(not_yet)
    before = saga.state
    assert saga.tell(not_yet).verdict is Verdict.REPEATED
    assert saga.state == before


def test_asking_counts_for_no_attempt_and_has_no_effect() -> None:
    saga = talk(step("a"), poll(retry=Retry(2, backoff=1)), step("z"))
    saga.succeed("a")
    for _ in range(20):
        ask(saga)
        saga.pass_time(67)
    assert saga.state.step("job").attempts == 0
    saga.fail("job", RuntimeError("it is down"))
    saga.pass_time(2)
    ask(saga)
    saga.pass_time(67)
    saga.fail("job", RuntimeError("it is down"))
    assert saga.state.step("job").effect is Effect.NONE, "S4"
    assert saga.due() == {("a", "compensation")}
    check(saga)


def test_a_refusal_ends_it() -> None:
    saga = talk(step("a"), poll())
    saga.succeed("a")
    ask(saga)
    saga.pass_time(67)
    saga.fail("job", Rejected("there is no such job"))
    assert saga.status == "compensating"


def test_an_error_is_repeated_until_its_time_is_over() -> None:
    saga = talk(poll(timeout=600))
    while saga.status in ("pending", "running"):
        saga.fail("job", RuntimeError("it is down"))
        saga.pass_time(70)
    assert saga.status == "compensated"
    assert saga.now.minute <= 12


def test_without_an_answer_it_fails_after_its_time() -> None:
    saga = talk(poll(timeout=100))
    ask(saga)
    saga.pass_time(67)
    ask(saga)
    saga.pass_time(20)
    assert saga.due() == set()
    saga.pass_time(13)
    assert saga.due() == {("job", "action")}, "it is asked once more when its time is over"
    ask(saga)
    assert saga.status == "compensated"
    found = saga.state.step("job").failure
    assert found is not None
    assert (found.error, found.kind) == ("PollTimeout", FailureKind.REJECTED)
    check(saga)


def test_without_an_answer_it_may_go_on() -> None:
    saga = talk(poll(timeout=100, on_timeout="continue"), step("z"))
    saga.pass_time(1000)
    ask(saga)
    assert saga.due() == {("z", "action")}
    assert saga.state.context == {}
    check(saga)


def test_an_answer_counts_even_when_its_time_is_over() -> None:
    saga = talk(poll(timeout=100), step("z"))
    saga.pass_time(1000)
    saga.succeed("job")
    assert saga.due() == {("z", "action")}


def test_the_action_may_say_when_to_ask_again() -> None:
    saga = talk(poll(), step("z"))
    ask(saga, after=5)
    saga.pass_time(5)
    ask(saga, after=3600)
    saga.pass_time(3599)
    assert saga.due() == set()
    saga.pass_time(1)
    assert saga.due() == {("job", "action")}


def test_the_interval_may_grow_up_to_a_cap() -> None:
    saga = talk(poll(every=10, factor=2, cap=100))
    waits = []
    for _ in range(6):
        ask(saga)
        due_at = saga.state.step("job").due_at
        assert due_at is not None
        waits.append((due_at - saga.now).total_seconds())
        saga.pass_time(waits[-1])
    expected = (10, 20, 40, 80, 100, 100)
    assert all(abs(wait - about) <= about / 10 for wait, about in zip(waits, expected, strict=True))


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda: poll(compensation=nothing), "compensation is"),
        (lambda: poll(probe=nothing), "probe is"),
        (lambda: poll(atomic=True), "atomic is True"),
        (lambda: poll(every=0), "every is 0"),
        (lambda: poll(every=86_401), "Ask at least once a day"),
        (lambda: poll(cap=100_000), "Ask at least once a day"),
        (lambda: poll(factor=0.5), "factor is 0.5"),
        (lambda: poll(timeout=-1), "timeout is -1"),
        (lambda: poll(on_timeout="stop"), "on_timeout is 'stop'"),
        (lambda: poll(ask_timeout=None), "ask_timeout is None"),
        (
            lambda: Saga("order", [step("p", pivot=True), poll(timeout=5)]),
            "fails without its answer",
        ),
    ],
)
def test_a_poll_that_can_not_work_is_refused(write: Any, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        write()


def test_s12_a_poll_is_another_structure_than_a_step() -> None:
    assert Saga("order", [poll()]).digest != Saga("order", [SagaStep("job", nothing)]).digest
