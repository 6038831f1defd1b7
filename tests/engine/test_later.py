"""`sagas.Later`: an action's "not yet"."""

import pickle
from datetime import timedelta
from typing import Any

import pytest

from sagas import Later, Rejected, Retry, Saga, SagaStep, Unreachable, engine
from sagas.machine import ExecutionStatus, FailureKind
from sagas.machine.failures import classify, wait_of
from sagas.machine.states import Effect, StepStatus
from sagas.testing.workers import work_off
from tests.engine.driving import check_history, pass_time, row, state_in


def asking_in_vain(times: int) -> tuple[Any, list[int]]:
    """An action that says "not yet" so many times, and the attempts that it was called with."""
    attempts: list[int] = []

    def ask(context: Any) -> dict[str, Any]:
        attempts.append(context["attempt"])
        if len(attempts) <= times:
            raise Later("not ready", after=30)
        return {"ready": True}

    return ask, attempts


@pytest.mark.django_db(transaction=True)
def test_r18_polling_counts_no_attempt_and_waits_as_long_as_it_was_told(
    define: Any, committed: Any
) -> None:
    ask, attempts = asking_in_vain(8)
    define(Saga("polling", [SagaStep("ask", ask, retry=Retry(max_attempts=1))]))
    saga = engine.start("polling", {}, saga_id="s-1").execution_id
    work_off(committed)
    for number in range(1, 9):
        step = state_in(row(saga)).step("ask")
        assert (step.status, step.effect) == (StepStatus.SCHEDULED, Effect.NONE)
        assert (step.attempts, step.uncounted_attempts) == (number, number)
        assert step.failure is not None
        assert (step.failure.kind, step.failure.message) == (FailureKind.LATER, "not ready")
        pass_time(saga, seconds=20)
        work_off(committed)
        assert len(attempts) == number, "it was asked too early"
        pass_time(saga, seconds=10)
        work_off(committed)
    assert row(saga).status == ExecutionStatus.COMPLETED
    check_history(saga)


@pytest.mark.django_db(transaction=True)
def test_s4_there_is_nothing_to_undo(define: Any, committed: Any) -> None:
    ask, _ = asking_in_vain(100)
    undone: list[Any] = []
    define(Saga("polling", [SagaStep("ask", ask, undone.append)], deadline=timedelta(hours=1)))
    saga = engine.start("polling", {}, saga_id="s-1").execution_id
    work_off(committed)
    engine.cancel("s-1", by="anna", reason="enough")
    work_off(committed)
    assert row(saga).status == ExecutionStatus.COMPENSATED
    assert not undone


@pytest.mark.parametrize(
    "after", [0, -1, 86_401, float("nan"), float("inf"), True, "30", timedelta(seconds=30), 10**400]
)
def test_what_is_no_wait_is_refused_where_it_is_raised(after: Any) -> None:
    with pytest.raises(ValueError, match="Use a number of seconds above 0 and at most 86,400"):
        Later("not ready", after=after)


def test_it_survives_the_way_to_another_process() -> None:
    again = pickle.loads(pickle.dumps(Later("not ready", after=1.5)))
    assert (str(again), again.after) == ("not ready", 1.5)


def test_the_authors_three_words_are_all_that_there_is_to_classify() -> None:
    words = {
        Rejected: FailureKind.REJECTED,
        Unreachable: FailureKind.UNREACHABLE,
        Later: FailureKind.LATER,
    }
    for word, kind in words.items():
        assert classify(word("why")) is kind
        assert classify(type("Mine", (word,), {})("why")) is kind
    assert classify(TimeoutError()) is FailureKind.UNKNOWN


class Spoilt(Later):
    @property
    def after(self) -> float:
        raise SystemExit

    @after.setter
    def after(self, value: float | None) -> None: ...


def test_r25_one_that_was_spoilt_waits_as_if_it_had_not_said_how_long() -> None:
    spoilt = Later("not ready")
    spoilt.after = "soon"  # type: ignore[assignment]
    assert wait_of(spoilt) is None
    assert wait_of(Spoilt("not ready")) is None
    assert wait_of(Later("not ready", after=30)) == 30.0
    assert wait_of(TimeoutError()) is None
