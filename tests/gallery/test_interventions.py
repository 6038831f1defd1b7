"""A person cancels, pauses, amends, moves to another version or skips, at every point of an example
of each construct. Nothing stands still, and nothing is done by halves."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest

from examples.gallery.ledger import ledger
from sagas import engine
from sagas.machine import AT_REST, TERMINAL, Effect, ExecutionStatus
from sagas.machine.wake import waits_for_signals
from sagas.models import SagaExecution
from sagas.registry import registry
from sagas.testing.workers import working
from tests.engine.driving import check_history, state_in
from tests.gallery.interventions import (
    Intervention,
    amend,
    cancel,
    change_version,
    pause,
    runs,
    skip,
)
from tests.gallery.playing import BY, ID, Play
from tests.gallery.test_examples import PLAYS

EXAMPLES: Final = {
    "loan_choice": "Choice",
    "credit_card_payment": "when",
    "blood_test": "Parallel of when",
    "job_poller": "Poll",
    "do_while": "Repeat",
    "another_card": "Repeat of WaitFor",
    "order_lines": "ForEach of sagas, some of which may fail",
    "condition_reports": "ForEach until there is enough",
    "background_check": "SubSaga that may fail",
    "provision_orders": "accept",
    "updatable_timer": "Sleep until a moment",
    "carrier_updates": "WaitFor that collects",
    "buyers_remorse": "FirstOf",
    "semaphore": "limits",
    "food_ordering": "async",
    "dunning": "Remind",
}
"""Example → the construct that it is taken for."""

EACH: Final = 1 if os.environ.get("CI") else 4
"""Of so many points one is tried: all of them take two minutes."""

pytestmark = pytest.mark.django_db


@pytest.fixture(params=EXAMPLES)
def play(request: pytest.FixtureRequest) -> Play:
    return PLAYS[request.param]["happy"]


def tried(play: Play, intervene: Intervention) -> Iterator[bool]:
    """Whether it was accepted, at each point; by then everything has ended and is consistent."""
    for accepted in runs(play, intervene, EACH):
        for execution in SagaExecution.objects.all():
            check_history(execution.pk)
        _call_off_what_waits_for_signals()
        assert not SagaExecution.objects.exclude(status__in=TERMINAL).exists(), "L1"
        yield accepted


def _call_off_what_waits_for_signals() -> None:
    """By hand, a saga can get to a wait that nothing in its play is meant for."""
    with working() as worker:
        for execution in SagaExecution.objects.exclude(status__in=TERMINAL):
            assert waits_for_signals(state_in(execution)), f"L1: {execution.saga_id} stands still"
            engine.cancel(execution.saga_id, by=BY)
        worker.work_off()


def status() -> str:
    return SagaExecution.objects.get(saga_id=ID).status


def ends_as_ever(play: Play) -> None:
    assert status() == play.ends
    assert Counter(ledger.journal) == Counter(play.journal)


def test_s4_s7_cancel(play: Play) -> None:
    """Either it is refused, and all is as ever; or whatever has a way back is undone."""
    for accepted in tried(play, cancel):
        if not accepted:
            ends_as_ever(play)
            continue
        assert status() == ExecutionStatus.COMPENSATED
        assert not _left_over()


def _left_over() -> list[tuple[str, str]]:
    """What is in effect, though it has a compensation and its saga was undone."""
    return [
        (execution.saga_id, name)
        for execution in SagaExecution.objects.filter(status=ExecutionStatus.COMPENSATED)
        for name, step in state_in(execution).steps.items()
        if step.is_done
        and step.effect is not Effect.NONE
        and (claimed := registry.get(execution.saga_type, execution.version).claimed_step(name))
        and claimed.compensation is not None
    ]


def test_r13_pause_and_resume(play: Play) -> None:
    for _ in tried(play, pause):
        ends_as_ever(play)


def test_r13_amend(play: Play) -> None:
    for accepted in tried(play, amend):
        ends_as_ever(play)
        note = SagaExecution.objects.get(saga_id=ID).context.get("note")
        assert (note == "of a person") == accepted


def test_s12_move_to_another_version(play: Play) -> None:
    for accepted in tried(play, change_version):
        ends_as_ever(play)
        assert (SagaExecution.objects.get(saga_id=ID).version == 2) == accepted


def test_r13_skip(play: Play) -> None:
    """What is skipped is not done afterwards; and the rest goes on, or back, to its end."""
    for accepted in tried(play, skip):
        if not accepted:
            ends_as_ever(play)
        assert status() in AT_REST
