"""`manage.py check` holds the orders of times that recovery relies on."""

from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery, current_app

from sagas.machine import Direction, Saga, SagaStep
from sagas.worker import checks
from sagas.worker.checks import check_celery, check_times, check_waits
from sagas.worker.names import task_name

ACCEPTED = "accept_content"
ACQUIRE_TIMEOUT = "broker_pool_acquire_timeout"
TRANSPORT = "broker_transport_options"


def test_the_project_itself_passes() -> None:
    assert [*check_celery(), *check_times(), *check_waits()] == []


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Gives the checks an app with other values of these keys: Celery 5.5 takes no change of an
    app that was configured from an object with a namespace."""
    before = {name: current_app.conf[name] for name in (ACCEPTED, ACQUIRE_TIMEOUT, TRANSPORT)}

    def change(**changes: Any) -> None:
        app = Celery("changed", set_as_current=False)
        app.config_from_object(before | changes)
        monkeypatch.setattr(checks, "current_app", app)

    return change


def test_a_lease_beyond_the_visibility_timeout_is_an_error(define: Any, configure: Any) -> None:
    define(Saga("shop", [SagaStep("long", lambda _: None, timeout=4000)]))
    configure(**{TRANSPORT: {"visibility_timeout": 3600}})
    [found] = check_times()
    assert found.id == "sagas.E001"
    assert "'long'" in found.msg
    configure(**{TRANSPORT: {"visibility_timeout": 3600, "ack_emulation": False}})
    assert check_times() == []  # Redis hands nothing out again then


def test_endless_waits_and_pickle_are_told(configure: Any) -> None:
    configure(**{ACCEPTED: ["json", "pickle"], ACQUIRE_TIMEOUT: None})
    assert {found.id for found in check_waits()} == {"sagas.W001", "sagas.E002"}


def test_a_celery_that_is_too_old_is_told_and_breaks_no_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("celery.VERSION", (5, 4, 0, "", ""))
    [found] = check_celery()
    assert (found.id, "5.5" in (found.hint or "")) == ("sagas.E029", True)


def test_each_step_and_each_compensation_is_a_task_of_its_own() -> None:
    names = {name for name in current_app.tasks if name.startswith("order_processing.")}
    steps = ["reserve_inventory", "process_payment", "create_order"]
    actions = {"validate_user", "send_confirmation", *steps}
    assert names == {task_name("order_processing", step, Direction.ACTION) for step in actions} | {
        f"order_processing.{step}.compensate" for step in steps
    }
