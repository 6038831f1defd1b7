"""Several at once against one task that waits for a person."""

from contextlib import suppress
from typing import Any

import pytest

from sagas import Login, Saga, WaitFor, engine
from sagas.errors import OperationRefused
from sagas.models import SagaExecution, SagaTask
from tests.engine.changing import step
from tests.engine.driving import pass_time, row
from tests.engine.test_races import together
from tests.engine.test_tasks import APPROVAL, listed

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_people_at_once_one_does_it(define: Any) -> None:
    """R13: the other one is told, and nothing is listed of what is done."""
    for number in range(5):
        define(Saga(f"shop{number}", [APPROVAL, step("b")]))
        engine.start(f"shop{number}", {"manager": "bo"}, saga_id=f"s-{number}")

        def send(who: int, saga_id: str = f"s-{number}") -> str:
            try:
                engine.signal(saga_id, "approval", who, by=("bo", "cy")[who])
            except OperationRefused as error:
                return str(error)
            return ""

        told = together(send, 2)
        assert sorted(map(bool, told)) == [False, True]
        found = SagaExecution.objects.get(saga_id=f"s-{number}")
        assert found.context["approval"] == told.index("")
        assert listed() == {}


def test_a_deadline_and_a_person_at_once_leave_no_task(define: Any, committed: Any) -> None:
    """R7: whoever is first, the wait ends once, and so does its task."""
    wait = WaitFor("approval", assignee=Login("bo"), timeout=60, on_timeout="continue")
    define(Saga("shop", [wait, step("b")]))
    for number in range(5):
        saga_id = f"s-{number}"
        execution_id = engine.start("shop", {}, saga_id=saga_id).execution_id
        pass_time(execution_id, seconds=61)

        def act(who: int, saga_id: str = saga_id) -> None:
            if who:
                engine.wake(10)
            else:
                with suppress(OperationRefused):
                    engine.signal(saga_id, "approval", True)

        together(act, 2)
        assert not SagaTask.objects.exists()
        assert row(execution_id).current_steps == ["b"]
