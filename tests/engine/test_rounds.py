"""Repeated steps in the rows: rounds, and their way back."""

from typing import Any

import pytest

from sagas import (
    Choice,
    FirstOf,
    Parallel,
    Repeat,
    Retry,
    Saga,
    SagaStep,
    SubSaga,
    WaitFor,
    engine,
    queries,
)
from tests.engine.rounds import CARD, act, ask, collect, done, play, settled, statuses

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


def test_rounds_follow_each_other_until_the_context_says_so(define: Any, committed: Any) -> None:
    define(Saga("shop", [act("a"), collect(), act("z")]))
    shop = play(committed)
    assert (shop.status, done) == ("completed", ["a", "ask 1", "ask 2", "ask 3", "z"])
    assert (shop.context["tries"], shop.context["paid"]) == (3, True)
    assert "round" not in shop.context
    assert list(statuses()) == ["s", "s~collect.1", "s~collect.2", "s~collect.3"]
    [_, step, _] = queries.describe(shop)["steps"]
    assert (step["kind"], step["children"]["total"], step["children"]["started"]) == (
        "Repeat",
        3,
        3,
    )


def test_s6_the_rounds_are_undone_newest_first(define: Any, committed: Any) -> None:
    define(Saga("shop", [act("a"), collect(CARD, act("b")), act("z")]))
    shop = play(committed, z=1)
    assert shop.status == "compensated"
    assert done[-8:] == [
        *("z", "undo b 3", "undo ask 3", "undo b 2", "undo ask 2", "undo b 1", "undo ask 1"),
        "undo a",
    ]
    assert set(statuses().values()) == {"compensated"}


def test_s3_a_round_that_gives_up_turns_the_saga_back(define: Any, committed: Any) -> None:
    define(Saga("shop", [collect(act("b"), CARD)]))
    shop = play(committed, b=2)
    assert shop.status == "compensated"
    assert done == ["b 1", "ask 1", "b 2", "undo ask 1", "undo b 1"]
    message = shop.steps["collect"]["failure"]["message"]
    assert message == "Round 2 gave up: b (Rejected: no)."


@pytest.mark.parametrize(
    ("on_most", "status"), [("fail", "compensated"), ("continue", "completed")]
)
def test_s3_after_the_last_round(define: Any, committed: Any, on_most: str, status: str) -> None:
    define(Saga("shop", [collect(on_most=on_most, most=2), act("z")]))
    shop = play(committed)
    assert (shop.status, shop.context["tries"]) == (status, 2)
    back = ["undo ask 2", "undo ask 1"] if on_most == "fail" else ["z"]
    assert done == ["ask 1", "ask 2", *back]


def test_s6_a_round_that_can_not_be_undone_needs_a_person(define: Any, committed: Any) -> None:
    def stuck(context: Any) -> None:
        done.append(f"stuck {context['round']}")
        if context["round"] == 2 and done.count("stuck 2") == 1:
            raise ValueError("can't")

    card = SagaStep("ask", ask, stuck, compensation_retry=Retry(1))
    define(Saga("shop", [act("a"), collect(card), act("z")]))
    shop = play(committed, z=1)
    assert shop.status == "failed"
    assert done[-5:] == ["z", "stuck 3", "stuck 2", "stuck 1", "undo a"]
    needy = [each["saga_id"] for each in queries.describe(shop)["attention"]]
    assert needy == ["s", "s~collect.2"]
    engine.retry("s", by="anna")
    assert settled(committed).status == "compensated"
    assert done[-1] == "stuck 2"


def test_s6_a_person_resolves_a_round(define: Any, committed: Any) -> None:
    def stuck(context: Any) -> None:
        raise ValueError("can't")

    card = SagaStep("ask", ask, stuck, compensation_retry=Retry(1))
    define(Saga("shop", [collect(card), act("z")]))
    play(committed, z=1, good=2)
    for number in (1, 2):
        engine.resolve(f"s~collect.{number}", "ask", by="anna")
    assert settled(committed).status == "compensated"


# --- What a round is made of ----------------------------------------------------------------------


def test_a_round_is_any_steps(define: Any, committed: Any) -> None:
    """A race, a choice, a part, and what they set."""
    define(Saga("part", [act("p")]))
    route = Choice("route", "answer", {"yes": SagaStep("pay", lambda _: {"paid": True})})
    race = FirstOf("answer", WaitFor("yes"), WaitFor("no"))
    define(Saga("shop", [collect(race, route, SubSaga("part"), act("b")), act("z")]))
    play(committed)
    engine.signal("s~collect.1", "no", {"n": 1})
    shop = settled(committed)
    assert shop.context["answer"] == "no"
    engine.signal("s~collect.2", "yes", {"n": 2})
    shop = settled(committed)
    assert shop.status == "completed"
    assert (shop.context["yes"], shop.context["no"]) == ({"n": 2}, {"n": 1})
    assert "route" not in shop.context
    assert done == ["p 1", "b 1", "p 2", "b 2", "z"]


def test_rounds_within_rounds(define: Any, committed: Any) -> None:
    inner = Repeat("inner", [act("i")], until="never", most=2, on_most="continue")
    define(Saga("shop", [collect(inner, CARD), act("z")]))
    shop = play(committed, good=2, z=1)
    assert shop.status == "compensated"
    assert done[:6] == ["i 1", "i 2", "ask 1", "i 1", "i 2", "ask 2"]
    assert done[7:] == [
        "undo ask 2",
        *["undo i 2", "undo i 1"],
        "undo ask 1",
        "undo i 2",
        "undo i 1",
    ]
    assert "s~collect.2~inner.1" in statuses()
    wanted = queries.Filter(saga_type="shop.collect.inner", parent="s~collect.2")
    assert len(queries.page(wanted, queries.OPERATOR).executions) == 2


def test_rounds_beside_a_branch_and_on_one_way_of_a_choice(define: Any, committed: Any) -> None:
    way = Choice("way", "kind", {"loop": collect()}, otherwise=act("c"))
    define(Saga("shop", [Parallel(way, act("b")), act("z")]))
    assert play(committed, kind="loop").status == "completed"
    assert sorted(done) == ["ask 1", "ask 2", "ask 3", "b", "z"]
    done.clear()
    assert play(committed, "t", kind="none").status == "completed"
    assert done == ["c", "b", "z"] or done == ["b", "c", "z"]
