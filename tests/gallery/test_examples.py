"""Each example of the gallery, played: a happy run, a failing one, and the way back."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from examples.gallery import sagas
from examples.gallery.ledger import ledger
from examples.gallery.page import examples
from sagas import Saga, engine
from sagas.errors import BadInput, OperationRefused
from sagas.models import SagaExecution
from sagas.testing.workers import Worker
from tests.gallery import (
    plays_of_approvals,
    plays_of_bookings,
    plays_of_jobs,
    plays_of_orders,
    plays_of_rounds,
    plays_of_signals,
)
from tests.gallery.playing import Play

PLAYS: Final[Mapping[str, Mapping[str, Play]]] = {
    **plays_of_approvals.PLAYS,
    **plays_of_bookings.PLAYS,
    **plays_of_jobs.PLAYS,
    **plays_of_orders.PLAYS,
    **plays_of_rounds.PLAYS,
    **plays_of_signals.PLAYS,
}


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(play, id=f"{example}-{kind}")
        for example, plays in PLAYS.items()
        for kind, play in plays.items()
    ],
)
def test_s4_s6_an_example_does_and_undoes_what_it_says(play: Play, saga_worker: Worker) -> None:
    play.run(saga_worker)


def test_every_example_is_played() -> None:
    assert set(PLAYS) == {example.name for example in examples()}
    for example, plays in PLAYS.items():
        assert {"happy", "fails", "back"} <= set(plays), example
        assert plays["happy"].ends == "completed", example
        assert plays["back"].ends == "compensated", example
        assert plays["back"].journal, f"{example}: nothing is undone"
        assert all(play.saga.saga_type == example for play in plays.values())


def test_every_saga_of_an_example_is_found_by_django() -> None:
    known = {value.saga_type for value in vars(sagas).values() if isinstance(value, Saga)}
    assert known == {saga.saga_type for example in examples() for saga in example.sagas}


def test_what_can_not_be_shipped_is_not_begun(saga_worker: Worker) -> None:
    with pytest.raises(BadInput, match="fedex, ups"):
        engine.start("order_shipping", {"carrier": "pigeon"})
    assert not SagaExecution.objects.exists()


def test_r13_after_the_first_answer_the_other_link_is_dead(saga_worker: Worker) -> None:
    engine.start("human_approval", {}, saga_id="one")
    saga_worker.work_off()
    engine.signal("one", "approve")
    saga_worker.work_off()
    with pytest.raises(OperationRefused):
        engine.signal("one", "reject")


def test_two_transfers_that_touch_one_account_run_one_after_the_other(saga_worker: Worker) -> None:
    ledger.clear()
    slow: dict[str, Any] = {"source": "a", "target": "b", "amount": 1, "faults": {"deposit": 1}}
    engine.start("money_transfer", slow, saga_id="first")
    engine.start("money_transfer", {"source": "b", "target": "c", "amount": 2}, saga_id="second")
    saga_worker.work_off()
    assert ledger.journal == ["withdraw"], "the second waits for account b"
    saga_worker.wait(60)
    assert ledger.journal == ["withdraw", "deposit", "withdraw", "deposit"]


def test_a_fourth_job_waits_until_one_of_three_machines_is_free(saga_worker: Worker) -> None:
    for number in range(4):
        engine.start("semaphore", {"pool": "a"}, saga_id=f"job-{number}")
    engine.start("semaphore", {"pool": "b"}, saga_id="elsewhere")
    saga_worker.work_off()
    blocked = SagaExecution.objects.filter(options__blocked=True)
    assert [each.saga_id for each in blocked] == ["job-3"]
    engine.signal("job-1", "done")
    saga_worker.work_off()
    assert not blocked.all().exists()


def test_s11_the_first_reading_of_a_room_starts_its_saga(saga_worker: Worker) -> None:
    for room, kind, value in (
        ("a", "humidity", 50),
        ("a", "temperature", 20),
        ("b", "humidity", 4),
    ):
        engine.signal_with_start(**plays_of_signals.reading(room, kind, value))
    saga_worker.wait(3600)
    found = {each.saga_id: each.context for each in SagaExecution.objects.all()}
    assert found["room-a"]["means"] == {"humidity": 50, "temperature": 20}
    assert found["room-b"]["means"] == {"humidity": 4}


def test_an_answer_that_does_not_fit_the_form_can_be_given_again(saga_worker: Worker) -> None:
    engine.start("expense_approval", {"amount": 500}, saga_id="one")
    saga_worker.work_off()
    with pytest.raises(BadInput) as caught:
        engine.signal("one", "manager", {"outcome": "perhaps"})
    assert list(caught.value.fields) == ["payload.outcome"]
    engine.signal("one", "manager", {"outcome": "approved", "note": "bon voyage"})
    saga_worker.work_off()
    assert SagaExecution.objects.get().status == "completed"
