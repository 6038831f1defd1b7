"""Input that no row could hold, or that no row could be read with, is refused by the engine."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.conf import settings

from sagas import engine
from sagas.errors import BadInput, NoSuchExecution
from sagas.machine import Saga, SagaStep, WaitFor
from sagas.models import SagaExecution
from tests.engine.driving import row

pytestmark = pytest.mark.django_db(transaction=True)
BAD_TEXT = ["a\x00b", "\ud800"]


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    step = SagaStep("a", lambda _: None)
    define(Saga("shop", [step]))
    define(Saga("approval", [WaitFor("approved")]))
    define(Saga("bounded", [step], deadline=86_400))


@pytest.mark.parametrize("bad", BAD_TEXT)
@pytest.mark.parametrize("field", ["by", "reason"])
def test_who_and_why_that_cannot_be_stored_are_refused(field: str, bad: str) -> None:
    engine.start("shop", {}, saga_id="s-1")
    with pytest.raises(BadInput):
        engine.cancel("s-1", **{"by": "x", "reason": "y", field: bad})


@pytest.mark.parametrize("bad", BAD_TEXT)
def test_a_sender_that_cannot_be_stored_is_refused(bad: str) -> None:
    engine.start("approval", {}, saga_id="s-1")
    with pytest.raises(BadInput):
        engine.signal("s-1", "approved", 1, by=bad)


def test_half_a_surrogate_pair_is_no_saga_id() -> None:
    with pytest.raises(NoSuchExecution):
        engine.cancel("\ud800", by="x")


def test_a_start_past_the_calendar_makes_no_row_that_cannot_be_read() -> None:
    """In UTC it is in the year 10000: PostgreSQL takes it, Python cannot read the row again."""
    late = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14)))
    with pytest.raises(BadInput):
        row(engine.start("shop", {}, saga_id="s-1", start_at=late).execution_id)


def test_a_deadline_past_the_calendar_is_refused() -> None:
    with pytest.raises(BadInput):
        engine.start("bounded", {}, start_at=datetime(9999, 12, 31, 23, tzinfo=UTC))
    assert not SagaExecution.objects.exists()


@pytest.mark.skipif(settings.SURROUNDINGS == "names", reason="there every text can be a user's key")
def test_what_can_be_no_users_key_is_no_owner() -> None:
    for bad in ("nobody", object()):
        with pytest.raises(BadInput) as refused:
            engine.start("shop", {}, owner_id=bad)
        assert list(refused.value.fields) == ["owner_id"]
        with pytest.raises(BadInput):
            engine.start_many("shop", [engine.NewSaga({})], owner_id=bad)
    assert not SagaExecution.objects.exists()
