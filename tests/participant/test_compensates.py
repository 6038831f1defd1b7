"""The participant's side: a compensation before, during, after and without its action."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse

from saga_participant.decorators import compensates
from saga_participant.models import Outcome, Receipt
from tests.participant.conftest import Begin
from tests.participant.shop import Shop, effects, post

pytestmark = pytest.mark.django_db(transaction=True)

UNDONE = (200, b'{"undone": true}')
NOTHING_TO_UNDO = (200, b'{"undone": false}')


def refund(shop: Shop, key: str = "c", undoes: str = "a", **more: object) -> tuple[int, bytes]:
    answer = post(shop.refund, key, {"undoes": undoes, **more})
    return answer.status_code, answer.content


class Gate:
    """Holds who comes through until it is opened."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self, key: str) -> None:
        self.entered.set()
        assert self.opened.wait(10)


def test_after_its_action_it_undoes_it(shop: Shop) -> None:
    first = post(shop.charge, "a", {})
    assert refund(shop) == UNDONE
    assert effects() == ["refund"]
    again = post(shop.charge, "a", {})
    assert (again.status_code, again.content) == (201, first.content)
    assert effects() == ["refund"]


def test_before_its_action_it_leaves_a_tombstone(shop: Shop) -> None:
    assert refund(shop) == NOTHING_TO_UNDO
    assert Receipt.objects.get(key="a").outcome == Outcome.TOMBSTONE
    first, second = (post(shop.charge, "a", {}) for _ in range(2))
    assert first.status_code == 409
    assert b"undone_before_it_was_done" in first.content
    assert (second.status_code, second.content) == (409, first.content)
    assert effects() == []


def test_during_its_action_it_waits_and_undoes_it(
    shop: Shop, begin: Begin, wait_until_blocked: Any
) -> None:
    shop.meanwhile = gate = Gate()
    action = begin(post, shop.charge, "a", {})
    assert gate.entered.wait(10)
    undone = begin(refund, shop)
    wait_until_blocked(1)
    gate.opened.set()
    assert action.result(10).status_code == 201
    assert undone.result(10) == UNDONE
    assert effects() == ["refund"]


def test_an_action_under_way_that_fails_is_forestalled(
    shop: Shop, begin: Begin, wait_until_blocked: Any
) -> None:
    shop.meanwhile = gate = Gate()
    action = begin(post, shop.charge, "a", {"ask": "return_503"})
    assert gate.entered.wait(10)
    undone = begin(refund, shop)
    wait_until_blocked(1)
    gate.opened.set()
    assert action.result(10).status_code == 503
    assert undone.result(10) == NOTHING_TO_UNDO
    assert post(shop.charge, "a", {"ask": "return_503"}).status_code == 409


def test_an_action_that_comes_while_it_is_undone_waits(
    shop: Shop, begin: Begin, wait_until_blocked: Any
) -> None:
    """A late retry of the action gets the action's answer, and has no second effect."""
    first = post(shop.charge, "a", {})
    shop.meanwhile = gate = Gate()
    undone = begin(refund, shop)
    assert gate.entered.wait(10)
    late = begin(post, shop.charge, "a", {})
    wait_until_blocked(1)
    gate.opened.set()
    assert undone.result(10) == UNDONE
    assert late.result(10).content == first.content
    assert effects() == ["refund"]


def test_twice_with_one_key_gives_the_same_answer_and_one_effect(shop: Shop) -> None:
    post(shop.charge, "a", {})
    assert [refund(shop), refund(shop)] == [UNDONE, UNDONE]
    assert refund(shop, "another") == NOTHING_TO_UNDO
    assert effects() == ["refund"]


def test_of_many_at_once_one_undoes(shop: Shop, begin: Begin) -> None:
    post(shop.charge, "a", {})
    barrier = threading.Barrier(12)

    def undo(number: int) -> tuple[int, bytes]:
        connection.ensure_connection()
        barrier.wait(10)
        return refund(shop, f"c{number}")

    under_way = [begin(undo, number) for number in range(12)]
    answers = sorted(each.result(30) for each in under_way)
    assert answers == [NOTHING_TO_UNDO] * 11 + [UNDONE]
    assert effects() == ["refund"]


@pytest.mark.parametrize("number", range(10))
def test_a_race_with_its_action_ends_done_and_undone_or_forestalled(
    shop: Shop, begin: Begin, number: int
) -> None:
    barrier = threading.Barrier(2)

    def act() -> HttpResponse:
        connection.ensure_connection()
        barrier.wait(10)
        return post(shop.charge, "a", {})

    def undo() -> tuple[int, bytes]:
        connection.ensure_connection()
        barrier.wait(10)
        return refund(shop)

    action, undone = begin(act), begin(undo)
    ended = action.result(10).status_code, undone.result(10), effects()
    assert ended in [(201, UNDONE, ["refund"]), (409, NOTHING_TO_UNDO, [])]


def test_after_a_refused_action_it_finds_nothing(shop: Shop) -> None:
    refused = post(shop.charge, "a", {"ask": "raise_refused"})
    assert refund(shop) == NOTHING_TO_UNDO
    assert post(shop.charge, "a", {"ask": "raise_refused"}).content == refused.content
    assert effects() == []


def test_one_that_is_refused_leaves_nothing_behind_and_may_come_again(shop: Shop) -> None:
    """Else a person who has put right what was in the way could not have it repeated."""
    post(shop.charge, "a", {})
    status, body = refund(shop, ask="no")
    assert (status, b"bank_is_closed" in body) == (409, True)
    assert effects() == ["charge"]
    assert refund(shop) == UNDONE


@pytest.mark.parametrize("undoes", ["c", "self", "gift"])
def test_only_an_action_of_that_name_can_be_undone(shop: Shop, undoes: str) -> None:
    """Neither a compensation, nor oneself, nor an action of another name; and it leaves nothing."""
    give = compensates("shop.give")(lambda request, action: None)
    refund(shop, "c")
    post(give, "before", {"undoes": "gift"})
    count = Receipt.objects.count()
    status, body = refund(shop, "self", undoes)
    assert (status, b"not_an_action" in body) == (422, True)
    assert Receipt.objects.count() == count
    assert refund(shop, "self") == NOTHING_TO_UNDO


@pytest.mark.parametrize(
    "body", [{}, [], "a", {"undoes": None}, {"undoes": ""}, {"undoes": "a b"}, {"undoes": 7}]
)
def test_without_a_key_to_undo_it_is_told(shop: Shop, body: object) -> None:
    answer = post(shop.refund, "c", body)
    assert answer.status_code == 422
    assert b'"undoes"' in answer.content
    assert Receipt.objects.count() == 0


def test_it_needs_a_key_of_its_own(shop: Shop) -> None:
    assert post(shop.refund, None, {"undoes": "a"}).status_code == 400
    assert Receipt.objects.count() == 0


def test_a_compensation_that_answers_by_itself_is_an_error(shop: Shop) -> None:
    wrong: Any = lambda request, action: HttpResponse()  # noqa: E731  (as short as it is wrong)
    post(shop.charge, "a", {})
    with pytest.raises(TypeError, match=r"compensation of shop\.charge returned HttpResponse"):
        post(compensates("shop.charge")(wrong), "c", {"undoes": "a"})
    assert refund(shop) == UNDONE
