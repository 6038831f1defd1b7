"""The participant's side: the same key twice gives the same answer and one effect; a refusal is
remembered; what was not a refusal leaves the key free."""

import os
import subprocess
import sys
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import override_settings

from saga_participant.decorators import idempotent
from saga_participant.models import KEY_LENGTH, Outcome, Receipt
from tests.pages import ROOT
from tests.participant.conftest import Begin
from tests.participant.shop import Shop, effects, post

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 12


def said(response: HttpResponse) -> tuple[int, str, bytes]:
    return response.status_code, response["Content-Type"], response.content


def test_the_same_key_twice_gives_the_same_answer_and_one_effect(shop: Shop) -> None:
    first, second = (post(shop.charge, "k", {"cents": 1}) for _ in range(2))
    assert first.status_code == 201
    assert said(first) == said(second)
    assert effects() == ["charge"]


def test_another_key_is_another_effect(shop: Shop) -> None:
    answers = {post(shop.charge, key, {}).content for key in ("k1", "k2")}
    assert len(answers) == 2
    assert effects() == ["charge", "charge"]


def test_the_same_key_from_many_threads_at_once_gives_one_answer_and_one_effect(
    shop: Shop, begin: Begin
) -> None:
    barrier = threading.Barrier(THREADS)

    def charge() -> HttpResponse:
        connection.ensure_connection()
        barrier.wait(10)
        return post(shop.charge, "k", {})

    under_way = [begin(charge) for _ in range(THREADS)]
    answers = {said(each.result(30)) for each in under_way}
    assert len(answers) == 1
    assert answers.pop()[0] == 201
    assert effects() == ["charge"]


@pytest.mark.parametrize(
    ("ask", "statuses", "count"),
    [("", [201, 201], 1), ("return_409", [409, 409], 1), ("return_503", [503, 503], 2)],
)
def test_the_second_of_two_waits_for_the_first(
    shop: Shop, begin: Begin, wait_until_blocked: Any, ask: str, statuses: list[int], count: int
) -> None:
    """It gets the first one's answer; if there is none to remember, it does the work itself."""
    entered, go_on, runs = threading.Event(), threading.Event(), []

    def stand_still(key: str) -> None:
        runs.append(key)
        entered.set()
        assert go_on.wait(10)

    shop.meanwhile = stand_still
    body = {"ask": ask} if ask else {}
    first = begin(post, shop.charge, "k", body)
    assert entered.wait(10)
    second = begin(post, shop.charge, "k", body)
    wait_until_blocked(1)
    assert Receipt.objects.count() == 0
    go_on.set()
    assert [first.result(10).status_code, second.result(10).status_code] == statuses
    assert len(runs) == count
    assert len(effects()) == (1 if not ask else 0)


@pytest.mark.parametrize(
    ("ask", "status"),
    [("raise_refused", 402), ("return_409", 409), ("raise_404", 404), ("raise_403", 403)],
)
def test_a_refusal_is_remembered_and_has_no_effect(shop: Shop, ask: str, status: int) -> None:
    first = post(shop.charge, "k", {"ask": ask})
    runs: list[str] = []
    shop.meanwhile = runs.append
    second = post(shop.charge, "k", {"ask": ask})
    assert first.status_code == status
    assert said(first) == said(second)
    assert runs == []
    assert effects() == []
    assert Receipt.objects.get().outcome == Outcome.REFUSED


@pytest.mark.parametrize(
    ("ask", "status"), [("return_503", 503), ("return_429", 429), ("raise_problem", 423)]
)
def test_what_is_no_refusal_is_rolled_back_and_the_key_is_free(
    shop: Shop, ask: str, status: int
) -> None:
    """Free also for a corrected request: nothing of the first one is left."""
    assert post(shop.charge, "k", {"ask": ask}).status_code == status
    assert effects() == []
    assert Receipt.objects.count() == 0
    assert post(shop.charge, "k", {}).status_code == 201


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        ("raise_anything", RuntimeError, "a bug"),
        ("return_a_dict", TypeError, "returned dict: return an HttpResponse"),
        ("return_too_much", ValueError, "300000 bytes, and at most 262144"),
    ],
)
def test_an_exception_is_rolled_back_and_the_key_is_free(
    shop: Shop, ask: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        post(shop.charge, "k", {"ask": ask})
    assert effects() == []
    assert Receipt.objects.count() == 0
    assert post(shop.charge, "k", {}).status_code == 201


@pytest.mark.parametrize("other", ["body", "address", "operation"])
def test_another_request_under_the_same_key_is_a_conflict(shop: Shop, other: str) -> None:
    first = post(shop.charge, "k", {"cents": 1})
    view = idempotent("shop.give")(shop._charge) if other == "operation" else shop.charge
    more = {"query_params": {"x": "1"}} if other == "address" else {}
    second = post(view, "k", {"cents": 2 if other == "body" else 1}, **more)
    assert second.status_code == 422
    assert b"idempotency_key_reused" in second.content
    assert said(post(shop.charge, "k", {"cents": 1})) == said(first)
    assert effects() == ["charge"]


def test_a_request_may_be_spelt_otherwise(shop: Shop) -> None:
    first = post(shop.charge, '"k"', {"a": 1, "b": 2})
    assert said(post(shop.charge, "k", {"b": 2, "a": 1})) == said(first)
    assert Receipt.objects.get().key == "k"


@pytest.mark.parametrize(
    "key", [None, "", '""', "a b", 'a"b', "a\\b", "käse", "a\tb", "x" * (KEY_LENGTH + 1)]
)
def test_a_bad_key_is_told_and_leaves_nothing_behind(shop: Shop, key: str | None) -> None:
    answer = post(shop.charge, key, {})
    assert answer.status_code == 400
    assert b"bad_idempotency_key" in answer.content
    assert (b"missing" in answer.content) == (not key)
    assert effects() == []
    assert Receipt.objects.count() == 0


def test_the_longest_key_of_a_child_saga_fits(shop: Shop) -> None:
    key = f"{'s~1:' * 63}sss:{'x' * 63}:compensation"
    assert post(shop.charge, key, {}).status_code == 201
    assert post(shop.charge, "y" * KEY_LENGTH, {}).status_code == 201


def test_killed_between_effect_and_answer_leaves_nothing_behind(shop: Shop) -> None:
    """R4 at the participant: the transaction dies with the process; the retry has the effect."""
    name = connection.settings_dict["NAME"]
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.participant.killed", "k"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"in the effect\n"
        finally:
            process.kill()
    assert effects() == []
    assert post(shop.charge, "k", {}).status_code == 201
    assert effects() == ["charge"]
    assert Receipt.objects.count() == 1


@override_settings(DEBUG=True)
def test_the_answer_of_a_missing_row_does_not_depend_on_debug(shop: Shop) -> None:
    answer = post(shop.charge, "k", {"ask": "raise_404"})
    assert answer.content == b'{"error": "not_found", "message": "No such card."}'


def test_an_async_view_is_refused_where_it_is_written() -> None:
    async def charge(request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(Group.objects.count()))

    with pytest.raises(TypeError, match="charge is async"):
        idempotent("shop.charge")(charge)  # type: ignore[arg-type]
