"""R25: whatever an action raises is reported as what it is, and does Celery no harm."""

from collections.abc import Iterator
from typing import Any

import pytest
from billiard.exceptions import Terminated, WorkerLostError
from celery import states
from celery.exceptions import SoftTimeLimitExceeded, TaskPredicate
from celery.signals import task_failure
from django_celery_results.models import TaskResult

from sagas import engine
from sagas.machine import FailureKind, Rejected, Retry, Saga, SagaStep, SubSaga, Unreachable
from sagas.machine.failures import MESSAGE_LIMIT, Failure, classify
from sagas.worker import raised
from sagas.worker.fast import batch
from tests.engine.driving import check_history, row
from tests.surroundings.marks import fast_path
from tests.worker import raising
from tests.worker.calls import note
from tests.worker.test_in_step import quick, receive
from tests.worker.test_others import sent_again

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["quick", "receive", "sent_again"]  # fixtures

ONCE = Retry(max_attempts=1)
TELLING = (MemoryError, TaskPredicate, Terminated, WorkerLostError)
"""What Celery takes for a word to itself."""

BOUND = 2 * raised.TEXT_LIMIT


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, what was claimed is begun."""
    monkeypatch.setattr(batch, "FRESH", 60.0)


@pytest.fixture
def stored() -> Iterator[list[Any]]:
    """What Celery's own receivers are handed of each failure."""
    found: list[Any] = []

    def keep(exception: BaseException, einfo: Any, **_: Any) -> None:
        found.append((exception, einfo.traceback))

    task_failure.connect(keep)
    yield found
    task_failure.disconnect(keep)


def raiser(which: str) -> Any:
    return lambda context: raising.raise_it(which)


def failure_of(execution_id: int, step: str) -> dict[str, Any]:
    found: dict[str, Any] = row(execution_id).steps[step]["failure"]
    return found


@pytest.mark.parametrize(("which", "name"), list(raising.each()))
def test_each_is_reported_by_name_and_stored(
    which: str,
    name: str,
    worker: Any,
    committed: Any,
    stored: list[Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    step = SagaStep("b", raiser(which), note, retry=ONCE)
    receive = worker([SagaStep("a", note, note), step])
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    failure = failure_of(execution_id, "b")
    assert (failure["error"], failure["kind"]) == (name, "unknown")
    assert row(execution_id).status == "compensated"
    assert row(execution_id).steps["b"]["status"] == "compensated", "its effect is possible"
    check_history(execution_id)
    [(error, traceback)] = stored
    assert issubclass(type(error), Exception), "whatever it says that it is"
    assert not issubclass(type(error), TELLING)
    assert name in repr(error)
    assert len(repr(error)) < BOUND
    assert len(traceback) < BOUND
    [result] = TaskResult.objects.filter(task_name="shop.b")
    assert result.status == states.FAILURE
    assert name in result.result
    assert len(result.result) + len(result.traceback) < 2 * BOUND
    assert max(len(record.getMessage()) for record in caplog.records) < BOUND
    assert all(len(record.exc_text or "") < BOUND for record in caplog.records)


@pytest.mark.parametrize("which", ["MemoryError", "GeneratorExit", "StopIteration", "NoClass"])
def test_an_atomic_step_is_rolled_back_by_each(which: str, worker: Any, committed: Any) -> None:
    def write_and_raise(context: Any) -> None:
        TaskResult.objects.create(task_id="written by the step")
        raising.raise_it(which)

    step = SagaStep("b", write_and_raise, note, retry=ONCE, atomic=True)
    receive = worker([SagaStep("a", note, note), step])
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    assert failure_of(execution_id, "b")["error"] == which
    assert row(execution_id).status == "compensated"
    assert not TaskResult.objects.filter(task_id="written by the step").exists()
    check_history(execution_id)


@fast_path
@pytest.mark.parametrize("which", ["MemoryError", "SystemExit", "NoText", "Reject"])
@pytest.mark.usefixtures("sent_again", "committed")
def test_those_of_the_same_message_go_on(which: str, receive: Any) -> None:
    steps = [SagaStep("a", raiser(which), note, retry=ONCE), SagaStep("b", note)]
    ids = receive(steps, 3)
    for execution_id in ids:
        assert failure_of(execution_id, "a")["error"] == which
        assert row(execution_id).status in ("compensating", "compensated")


@pytest.mark.parametrize("which", ["MemoryError", "KeyboardInterrupt", "NoClass"])
def test_so_it_is_with_compensations_and_probes(which: str, worker: Any, committed: Any) -> None:
    def refuse(context: Any) -> None:
        raise Rejected("no")

    back = Retry(max_attempts=1)
    receive = worker(
        [SagaStep("a", note, raiser(which), compensation_retry=back), SagaStep("b", refuse)]
    )
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    assert failure_of(execution_id, "a")["error"] == which
    assert row(execution_id).status == "failed"


@pytest.mark.parametrize("which", ["MemoryError", "SystemExit", "NoText"])
def test_a_childs_validate_that_raises_refuses_the_child(
    which: str, worker: Any, define: Any, committed: Any
) -> None:
    define(Saga("checked", [SagaStep("x", note)], validate=raiser(which)))
    receive = worker([SagaStep("a", note, note), SubSaga("checked")])
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    assert row(execution_id).status in ("compensating", "compensated"), "it turned back"
    assert which in failure_of(execution_id, "checked")["message"]


def test_never_on_and_a_refusal_are_known_by_their_class(worker: Any, committed: Any) -> None:
    refused = type("Refused", (Rejected,), {"__class__": Unreachable})()
    assert classify(refused) is FailureKind.REJECTED
    policy = Retry(never_on=(MemoryError,))
    assert not policy.repeats(MemoryError())
    assert policy.repeats(raising.NoClass())
    assert not Retry(on=(KeyError,)).repeats(raising.NoClass())


@pytest.mark.parametrize("which", raising.MADE)
def test_a_failure_can_be_made_of_anything(which: str) -> None:
    failure = Failure.of(FailureKind.UNKNOWN, raising.MADE[which]())
    assert failure.error == which
    assert len(failure.message) <= MESSAGE_LIMIT
    assert "\x00" not in failure.message
    failure.message.encode()


def test_what_the_engine_itself_runs_out_of_ends_nothing(
    worker: Any, committed: Any, stored: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_: Any, **__: Any) -> Any:
        raise MemoryError

    receive = worker([SagaStep("a", note)])
    execution_id = engine.start("shop", {}).execution_id
    with monkeypatch.context() as patch:
        patch.setattr(engine, "claim", run_out)
        receive(execution_id, "a")
    [(error, _)] = stored
    assert str(error) == "MemoryError"
    receive(execution_id, "a")
    assert row(execution_id).status == "completed"


def test_the_end_of_a_process_is_left_to_whoever_ends_it(
    worker: Any, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R16: SIGTERM raises SystemExit in whatever a child runs."""
    monkeypatch.setattr(raised, "terminate_handler_fired", lambda: True)
    receive = worker([SagaStep("a", raiser("SystemExit"))])
    execution_id = engine.start("shop", {}).execution_id
    with pytest.raises(SystemExit):
        receive(execution_id, "a")
    assert row(execution_id).steps["a"]["status"] == "running", "its worker reports it"


def test_an_ordinary_error_goes_to_celery_as_it_is() -> None:
    """With a traceback that is of use, and for what counts errors by their class."""
    for error in (ValueError("no"), SoftTimeLimitExceeded(), Rejected("no"), OSError(2, "no file")):
        assert raised.bearable(error) is error
