"""L4: rounds that end or turn back in the transaction of their birth."""

import time
from typing import Any

import pytest

from sagas import (
    Choice,
    Saga,
    Sleep,
    SubSaga,
    engine,
)
from sagas.models import SagaExecution
from tests.engine.driving import ORDER
from tests.engine.rounds import CARD, act, collect, done, found, play, statuses

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


OVER = Sleep("over", until="past")
PAST = {"past": "2020-01-01T00:00:00+00:00"}


def test_l4_rounds_that_end_at_their_birth(define: Any, committed: Any) -> None:
    define(Saga("shop", [collect(OVER, on_most="continue", most=3), act("z")]))
    assert play(committed, **PAST).status == "completed"
    assert (done, len(statuses())) == (["z"], 4)


def test_l4_rounds_that_end_at_their_birth_are_undone(define: Any, committed: Any) -> None:
    empty = Choice("c", "nowhere", {1: act("never")})
    define(Saga("shop", [collect(empty, most=3)]))
    assert play(committed).status == "compensated"
    assert set(statuses().values()) == {"compensated"}


def test_l4_a_round_that_turns_back_at_its_birth(define: Any, committed: Any) -> None:
    define(Saga("shop", [act("a"), collect(CARD, Sleep("s", until="nowhere"))]))
    shop = play(committed)
    assert shop.status == "compensated"
    assert done == ["a", "ask 1", "undo ask 1", "undo a"]
    define(Saga("shop", [collect(OVER, Sleep("s", until="nowhere"))], version=2))
    assert play(committed, "t", **PAST).status == "compensated"


def test_l4_within_a_part_that_is_just_born(define: Any, committed: Any) -> None:
    define(Saga("part", [collect(OVER, most=2)]))
    define(Saga("shop", [act("a"), SubSaga("part", on_failure="continue"), act("z")]))
    assert play(committed, **PAST).status == "completed"
    assert done == ["a", "z"]
    assert statuses()["s~part"] == "compensated"


@pytest.mark.parametrize(
    ("on_most", "status"), [("continue", "completed"), ("fail", "compensated")]
)
def test_l4_many_empty_rounds_are_born_in_one_transaction(
    define: Any, committed: Any, on_most: Any, status: str
) -> None:
    """Deeper than Python's stack, were one born within another."""
    define(Saga("shop", [collect(OVER, on_most=on_most, most=300)]))
    began = time.monotonic()
    engine.start("shop", {**ORDER, **PAST}, saga_id="s")
    print(f"300 rounds, {status}: {time.monotonic() - began:.1f} s")
    assert SagaExecution.objects.filter(status=status).count() == 301
    assert found("s").status == status
