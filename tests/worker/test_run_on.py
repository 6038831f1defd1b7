"""A worker that goes on with the next step in place: Celery's tracers on the real PostgreSQL."""

from typing import Any

import pytest
from celery import current_app
from celery.signals import task_failure, task_postrun, task_prerun
from django.conf import LazySettings

from sagas import engine
from sagas.machine import Parallel, Rejected, SagaStep, Unreachable
from sagas.store import transitions
from sagas.worker.executor import current_executor
from sagas.worker.fast import batch, inline
from tests.configured import configure
from tests.engine.driving import check_history, row
from tests.surroundings.marks import fast_path
from tests.worker import calls
from tests.worker.calls import names, note

pytestmark = [pytest.mark.django_db(transaction=True), fast_path]


def refuse(context: Any) -> None:
    note(context)
    raise Rejected("sold out")


def three(**other: Any) -> list[SagaStep]:
    return [SagaStep("a", note, note), SagaStep("b", note, note, **other), SagaStep("c", note)]


def hints(committed: Any) -> list[str]:
    return [hint.step for told in committed for hint in told.hints]


def test_one_message_leads_to_all_steps_each_a_task_of_its_own(worker: Any, committed: Any) -> None:
    receive = worker(three())
    began, ended = [], []

    def begin(task_id: str, sender: Any, **_: Any) -> None:
        began.append((sender.name, task_id))

    def end(task_id: str, state: str, **_: Any) -> None:
        ended.append((task_id, state))

    execution_id = engine.start("shop", {}).execution_id
    task_prerun.connect(begin)
    task_postrun.connect(end)
    try:
        receive(execution_id, "a")
    finally:
        task_prerun.disconnect(begin)
        task_postrun.disconnect(end)
    assert row(execution_id).status == "completed"
    assert names() == ["shop.a", "shop.b", "shop.c"]
    assert began == calls.MADE
    assert ended == [(task_id, "SUCCESS") for _, task_id in calls.MADE], "one after the other"
    assert len({task_id for _, task_id in calls.MADE}) == 3
    assert hints(committed) == ["a"], "no other message"
    check_history(execution_id)


def test_the_steps_of_a_message_are_counted(
    worker: Any, committed: Any, settings: LazySettings
) -> None:
    configure(settings, INLINE_STEPS=2)
    receive = worker(three())
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    assert names() == ["shop.a", "shop.b"]
    assert hints(committed) == ["a", "c"]
    receive(execution_id, "c")
    assert row(execution_id).status == "completed"


def test_to_ask_for_the_next_step_spends_nothing(
    worker: Any, committed: Any, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each report is decided twice: without the row's lock, which somebody else has, then with."""
    configure(settings, INLINE_STEPS=4)
    save = transitions.save

    def save_if_locked(written: Any, *, locked: bool) -> set[int]:
        return save(written, locked=locked) if locked else set()

    monkeypatch.setattr(transitions, "save", save_if_locked)
    receive = worker([SagaStep(name, note) for name in "abcdef"])
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    assert names() == ["shop.a", "shop.b", "shop.c", "shop.d"]


def test_the_time_of_a_message_is_measured(
    worker: Any, committed: Any, settings: LazySettings
) -> None:
    configure(settings, INLINE_MS=0)
    receive = worker(three())
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    assert names() == ["shop.a"]
    assert hints(committed) == ["a", "b"]


@pytest.mark.parametrize("other", [{"run_on": False}, {"queue": "elsewhere"}])
def test_a_step_that_may_not_run_on_has_a_message(
    worker: Any, committed: Any, other: dict[str, Any]
) -> None:
    """Its own wish, and another queue."""
    receive = worker(three(**other))
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    assert names() == ["shop.a"]
    assert hints(committed) == ["a", "b"]


def test_a_task_with_a_rate_limit_has_a_message(worker: Any, committed: Any) -> None:
    receive = worker(three())
    current_app.tasks["shop.b"].rate_limit = "10/m"
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    assert hints(committed) == ["a", "b"]


def test_of_parallel_branches_one_runs_on_and_the_others_have_messages(
    worker: Any, committed: Any
) -> None:
    branches = [SagaStep(f"branch_{number}", note) for number in range(3)]
    receive = worker([SagaStep("a", note), Parallel(*branches)])
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    assert names() == ["shop.a", "shop.branch_0"]
    assert hints(committed) == ["a", "branch_1", "branch_2"]
    receive(execution_id, "branch_1")
    receive(execution_id, "branch_2")
    assert row(execution_id).status == "completed"
    check_history(execution_id)


def test_a_failure_is_its_own_tasks_and_the_way_back_runs_on(worker: Any) -> None:
    failures = []

    def fail(task_id: str, exception: BaseException, **_: Any) -> None:
        failures.append((task_id, str(exception)))

    receive = worker([*three()[:2], SagaStep("c", refuse)])
    execution_id = engine.start("shop", {}).execution_id
    task_failure.connect(fail)
    try:
        receive(execution_id, "a")
    finally:
        task_failure.disconnect(fail)
    assert row(execution_id).status == "compensated"
    assert names() == ["shop.a", "shop.b", "shop.c", "shop.b.compensate", "shop.a.compensate"]
    assert failures == [(dict(calls.MADE)["shop.c"], "sold out")]
    check_history(execution_id)


def test_a_step_that_is_tried_again_later_ends_the_course(worker: Any, committed: Any) -> None:
    def be_away(context: Any) -> None:
        raise Unreachable("nobody is there")

    receive = worker([SagaStep("a", note), SagaStep("b", be_away), SagaStep("c", note)])
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    assert row(execution_id).steps["b"]["status"] == "scheduled"
    assert names() == ["shop.a"]


def test_an_atomic_step_runs_on_as_well(worker: Any) -> None:
    receive = worker(three(atomic=True))
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    assert names() == ["shop.a", "shop.b", "shop.c"]


def test_r16_a_worker_that_is_being_stopped_claims_nothing_more(
    worker: Any, committed: Any
) -> None:
    def stop(context: Any) -> None:
        batch.stopping(is_so=True)

    receive = worker([SagaStep("a", stop), SagaStep("b", note)])
    execution_id = engine.start("shop", {}).execution_id
    try:
        receive(execution_id, "a")
    finally:
        batch.stopping(is_so=False)
    assert names() == []
    assert hints(committed) == ["a", "b"]
    assert row(execution_id).steps["b"]["status"] == "scheduled"


def test_r4_what_was_claimed_and_could_not_begin_is_left_to_its_lease(
    worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = worker(three())
    monkeypatch.setattr(inline.InlineTask, "trace_alone", lambda *_: (None, None, 0.0, ""))
    execution_id = engine.start("shop", {}).execution_id
    receive(execution_id, "a")
    found = row(execution_id)
    assert found.steps["b"]["status"] == "running"
    assert found.wake_at is not None
    assert current_executor() is None, "the next message begins anew"
