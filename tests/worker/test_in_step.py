"""Sagas of one message that go in step: what all of them did is reported in one statement."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from django.conf import LazySettings
from django.db import OperationalError

from sagas import engine
from sagas.machine import Direction, Rejected, SagaStep
from sagas.models import SagaExecution
from sagas.store import transitions
from sagas.worker.executor import current_executor
from sagas.worker.fast import batch, inline
from sagas.worker.fast import latency as learned
from tests.configured import configure
from tests.engine.driving import check_history, row
from tests.seams import said
from tests.surroundings.marks import fast_path
from tests.worker.calls import names, note
from tests.worker.test_others import header, sent_again, started, statuses, two

pytestmark = [
    fast_path,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sent_again", "committed"),
]
__all__ = ["sent_again"]  # a fixture


@pytest.fixture
def quick(budget: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says that these tasks are known as quick; however slow the machine is, they stay so."""
    monkeypatch.setattr(learned, "QUICK", 60.0)
    monkeypatch.setattr(batch, "HOLD", 60.0)
    monkeypatch.setattr(batch, "FRESH", 60.0)

    def know(*tasks: str) -> None:
        for name in tasks:
            learned._runs[learned._places[name]] = (1 << learned.RUNS) - 1

    return know


@pytest.fixture
def receive(worker: Any, quick: Any) -> Iterator[Any]:
    """Has a worker take a message for the first step of these sagas."""

    def take(steps: list[SagaStep], count: int, *known: str) -> list[int]:
        hand_over = worker(steps)
        first, *others = ids = started(count)
        quick(*known or [f"shop.{step.name}" for step in steps])
        hand_over(first, steps[0].name, **header(*others))
        return ids

    yield take
    batch.stopping(is_so=False)


def by_saga(saga_id: str, action: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The action of one saga; of the others, one that tells which task it runs in."""

    def act(context: Any) -> Any:
        return action(context) if context["saga_id"] == saga_id else note(context)

    return act


def step(execution_id: int, name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", row(execution_id).steps[name])


def test_all_are_claimed_and_reported_together(receive: Any) -> None:
    with said() as statements:
        ids = receive(two(), 3)
    assert statements[-4:] == ["read", "save", "save", "save"]
    assert names() == ["shop.a"] * 3 + ["shop.b"] * 3
    assert statuses(ids) == ["completed"] * 3
    assert current_executor() is None
    for each in ids:
        check_history(each)


def test_what_one_of_them_returns_is_its_own(receive: Any) -> None:
    ids = receive([SagaStep("a", lambda context: {"mine": context["saga_id"]}), *two()[1:]], 3)
    assert [row(each).context["mine"] for each in ids] == ["s-0", "s-1", "s-2"]


def test_r1_one_that_somebody_else_has_claimed_is_left_to_them(
    receive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed: list[engine.Work | None] = []
    look_ahead = engine.look_ahead

    def overtaken(execution_ids: list[int]) -> Any:
        seen = look_ahead(execution_ids)
        claimed.append(engine.claim(execution_ids[1], "a", Direction.ACTION, 0))
        return seen

    monkeypatch.setattr(engine, "look_ahead", overtaken)
    ids = receive(two(), 3)
    assert claimed[0] is not None
    assert step(ids[1], "a")["holder"] == claimed[0].row.state.step("a").holder
    assert statuses(ids) == ["completed", "running", "completed"]
    assert names() == ["shop.a"] * 2 + ["shop.b"] * 2


def test_l2_one_that_has_changed_meanwhile_is_claimed_by_itself(
    receive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_ahead = engine.look_ahead

    def changed(execution_ids: list[int]) -> Any:
        seen = look_ahead(execution_ids)
        engine.pause("s-1", by="a person")
        engine.resume("s-1", by="a person")
        return seen

    monkeypatch.setattr(engine, "look_ahead", changed)
    ids = receive(two(), 3)
    assert statuses(ids) == ["completed"] * 3
    for each in ids:
        check_history(each)


def test_one_that_a_person_cancels_meanwhile_goes_back_alone(receive: Any) -> None:
    undone: list[str] = []

    def cancel(context: Any) -> None:
        engine.cancel("s-1", by="a person")

    steps = [
        SagaStep("a", by_saga("s-1", cancel), lambda context: undone.append(context["saga_id"])),
        SagaStep("b", note),
    ]
    ids = receive(steps, 3, "shop.a", "shop.b", "shop.a.compensate")
    assert statuses(ids) == ["completed", "compensated", "completed"]
    assert undone == ["s-1"]
    for each in ids:
        check_history(each)


def test_the_failure_of_one_is_nothing_to_the_others(receive: Any) -> None:
    def refuse(context: Any) -> None:
        raise Rejected("sold out")

    ids = receive([SagaStep("a", note, note), SagaStep("b", by_saga("s-1", refuse))], 3)
    assert statuses(ids) == ["completed", "compensating", "completed"]
    assert step(ids[1], "a")["status"] == "compensation_scheduled", "not known as quick: by a hint"


def test_r17_a_result_that_cannot_be_stored_fails_alone(receive: Any) -> None:
    ids = receive([SagaStep("a", by_saga("s-1", lambda _: {"it": object()}))], 3)
    assert statuses(ids) == ["completed", "running", "completed"]
    assert step(ids[1], "a")["failure"]["error"] == "NotStorable"


def test_r6_what_could_not_be_saved_together_is_saved_one_by_one(
    receive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = transitions.save

    def lost(written: Any, **options: Any) -> set[int]:
        saved = save(written, **options)
        if len(written) > 1:  # committed, and nobody was told
            raise OperationalError("the connection was lost")
        return saved

    monkeypatch.setattr(transitions, "save", lost)
    ids = receive(two(), 3)
    assert names() == ["shop.a", "shop.b"] * 3
    assert statuses(ids) == ["completed"] * 3
    for each in ids:
        check_history(each)


def test_what_is_not_known_as_quick_goes_alone(receive: Any) -> None:
    receive(two(), 3, "shop.b")
    assert names() == ["shop.a", "shop.b"] * 3


def test_nobody_is_kept_waiting_by_what_follows(receive: Any, committed: list[Any]) -> None:
    """Three that go on with a step that may be slow are three hints: for three workers."""
    ids = receive(two(), 3, "shop.a")
    assert statuses(ids) == ["running"] * 3
    hints = [hint.step for told in committed for hint in told.hints]
    assert hints == ["a"] * 3 + ["b"] * 3


def test_what_is_done_does_not_wait_for_what_is_slow(
    receive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "HOLD", -1.0)
    seen: list[str] = []

    def look(context: Any) -> None:
        seen.extend(SagaExecution.objects.order_by("pk").values_list("status", flat=True))

    ids = receive([SagaStep("a", by_saga("s-2", look))], 3)
    assert seen == ["completed", "completed", "running"]
    assert statuses(ids) == ["completed"] * 3


def test_s1_a_claim_that_waited_for_too_long_is_given_back(
    receive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "FRESH", -1.0)
    ids = receive(two(), 3)
    assert names() == ["shop.a"], "the message's own began at once"
    assert step(ids[0], "a")["status"] == "succeeded"
    for each in ids[1:]:
        given_back = step(each, "a")
        assert (given_back["status"], given_back["uncounted_attempts"]) == ("scheduled", 1)
        assert row(each).wake_at is not None
        check_history(each)


def test_l2_what_cannot_be_reported_is_left_to_its_lease(
    receive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(engine, "succeed_together", away)
    ids = receive(two(), 3)
    assert statuses(ids) == ["running"] * 3
    assert all(row(each).wake_at for each in ids)
    assert current_executor() is None


def test_r16_a_worker_that_is_being_stopped_ends_what_it_has_claimed(receive: Any) -> None:
    def stop(context: Any) -> None:
        note(context)
        batch.stopping(is_so=True)

    ids = receive([SagaStep("a", stop), SagaStep("b", note)], 3)
    assert names() == ["shop.a"] * 3
    assert statuses(ids) == ["running"] * 3
    assert {step(each, "b")["status"] for each in ids} == {"scheduled"}


def test_l2_the_others_are_given_back_if_a_task_cannot_even_begin(
    receive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def broken(name: str, told: Any, common: Any) -> None:
        begun.append(told.saga_id)

    monkeypatch.setattr(inline, "_trace_next", broken)
    ids = receive(two(), 3)
    assert begun == ["s-1"]
    assert [step(each, "a")["status"] for each in ids] == ["succeeded", "running", "scheduled"]


def test_the_budget_ends_what_goes_in_step(receive: Any, settings: LazySettings) -> None:
    configure(settings, INLINE_STEPS=4)
    ids = receive(two(), 3)
    assert names() == ["shop.a"] * 3 + ["shop.b"]
    assert statuses(ids) == ["completed", "running", "running"]
