"""R17: values that can't be kept, or hardly, by each way into the engine and through PostgreSQL."""

from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock

import pytest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy

from sagas import engine, queries
from sagas.errors import BadInput, NoSuchExecution
from sagas.machine import Direction, Saga, SagaStep, WaitFor
from sagas.models import SagaEvent, SagaExecution
from tests.engine.driving import check_history, row
from tests.machine.test_odd_values import ODD, WHOLE, ZEROS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    define(Saga("shop", [SagaStep("a", lambda _: None), WaitFor("paid")]))


WAYS: list[Callable[[Any], object]] = [
    lambda odd: engine.start("shop", odd),
    lambda odd: engine.start_many("shop", [engine.NewSaga(odd)]),
    lambda odd: engine.amend("s-1", odd, by="x"),
    lambda odd: engine.skip("s-1", "a", changes=odd, by="x"),
    lambda odd: engine.signal("s-1", "paid", odd, by="x"),
]


def test_a_bad_value_is_refused_by_every_way_in() -> None:
    started = engine.start("shop", {}, saga_id="s-1")
    for number, way in enumerate(WAYS):
        for odd in ODD:
            with pytest.raises(BadInput) as refused:
                way({"x": odd})
            assert "context" in next(iter(refused.value.fields))
        for odd in WHOLE:
            if number < 4 or type(odd) in (SimpleLazyObject, MagicMock):
                with pytest.raises(BadInput):
                    way(odd)
    assert SagaExecution.objects.count() == 1
    check_history(started.execution_id)


def test_so_are_names_and_words_that_are_no_text() -> None:
    engine.start("shop", {}, saga_id="s-1")
    odd_ones: list[Any] = [gettext_lazy("text"), 5, MagicMock(), ["paid"], SimpleLazyObject(str)]
    calls: list[Callable[[Any], object]] = [
        lambda odd: engine.signal("s-1", odd, 1, by="x"),
        lambda odd: engine.cancel("s-1", by=odd),
        lambda odd: engine.cancel("s-1", by="x", reason=odd),
        lambda odd: engine.start("shop", {}, saga_id=odd),
        lambda odd: engine.start("shop", {}, tags=[odd]),
        lambda odd: engine.start("shop", {}, start_at=odd),
    ]
    for odd in odd_ones:
        for call in calls:
            with pytest.raises(BadInput):
                call(odd)
        with pytest.raises(NoSuchExecution):
            engine.cancel(odd, by="x")


def test_an_action_that_returns_one_has_failed_with_its_path() -> None:
    for odd in ODD:
        started = engine.start("shop", {})
        work = engine.claim(started.execution_id, "a", Direction.ACTION, 0)
        assert work is not None
        engine.succeed(work, {"x": {"y": odd}})
        step = row(started.execution_id).steps["a"]
        assert (step["status"], step["failure"]["error"]) == ("scheduled", "NotStorable")
        assert step["failure"]["message"].startswith(("x.y", "the value: more than"))


def test_a_negative_zero_stays_one() -> None:
    def is_kept(found: dict[str, Any]) -> None:
        assert repr({key: found[key] for key in ZEROS}) == repr(ZEROS)

    started = engine.start("shop", ZEROS, saga_id="s-1")
    again = engine.start_many("shop", [engine.NewSaga(ZEROS, "s-1")])
    assert again[0].created is False
    is_kept(row(started.execution_id).context)
    work = engine.claim(started.execution_id, "a", Direction.ACTION, 0)
    assert work is not None
    is_kept(dict(work.context))
    engine.succeed(work, {"given": ZEROS, **{key: work.context[key] for key in ZEROS}})
    assert row(started.execution_id).steps["a"]["wrote"] == ["given"]
    engine.signal("s-1", "paid", ZEROS)
    found = row(started.execution_id)
    for kept in (found.context, found.context["given"], found.context["paid"]):
        is_kept(kept)
    is_kept(queries.describe(found)["context"])
    is_kept(SagaEvent.objects.get(execution_id=found.pk, seq=1).data["context"])
    check_history(started.execution_id)
