"""Signals that have to fit a form."""

from typing import Any

import pytest

from sagas import Saga, SagaStep, WaitFor, engine, queries
from sagas.errors import BadInput, OperationRefused
from sagas.models import SagaExecution
from tests.engine.changing import redefine
from tests.engine.driving import check_history, row

pytestmark = pytest.mark.django_db(transaction=True)

Z = SagaStep("z", lambda _: None, lambda _: None)
FORM = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize("options", [{}, {"collect": True, "most": 1}])
def test_r13_what_does_not_fit_the_form_is_refused_and_changes_nothing(
    define: Any, options: dict[str, Any]
) -> None:
    define(Saga("shop", [WaitFor("answer", form=FORM, **options), Z]))
    started = engine.start("shop", {}, saga_id="s")
    before = row(started.execution_id)
    with pytest.raises(BadInput) as caught:
        engine.signal("s", "answer", {"n": "one"}, key="evt-1")
    assert list(caught.value.fields) == ["payload.n"]
    assert row(started.execution_id).revision == before.revision
    engine.signal("s", "answer", {"n": 1}, key="evt-1")
    engine.signal("s", "answer", {"n": 1}, key="evt-1")
    with pytest.raises(OperationRefused, match="another payload"):
        engine.signal("s", "answer", {}, key="evt-1")
    check_history(started.execution_id)


def test_a_start_whose_signal_does_not_fit_starts_nothing(define: Any) -> None:
    define(Saga("shop", [WaitFor("update", form=FORM), Z]))
    with pytest.raises(BadInput):
        engine.signal_with_start("shop", {}, saga_id="s", name="update", payload={"m": 1})
    assert not SagaExecution.objects.exists()


def test_a_saga_shows_its_forms(define: Any) -> None:
    define(Saga("shop", [WaitFor("answer", form=FORM), Z]))
    started = engine.start("shop", {})
    shown = queries.describe(row(started.execution_id))
    assert [each["form"] for each in shown["steps"]] == [FORM, None]


def test_r13_what_came_before_is_not_held_to_a_form_that_has_changed(define: Any) -> None:
    define(Saga("shop", [WaitFor("answer", form=FORM), WaitFor("other")]))
    engine.start("shop", {}, saga_id="s")
    engine.signal("s", "answer", {"n": 1}, key="evt-1")
    redefine(WaitFor("answer", form={**FORM, "required": ["m"]}), WaitFor("other"))
    engine.signal("s", "answer", {"n": 1}, key="evt-1")
    engine.signal("s", "answer", {"n": 1})
    with pytest.raises(OperationRefused):
        engine.signal("s", "answer", {"n": 1}, key="evt-2")
