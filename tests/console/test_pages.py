"""The pages without a script: who gets them, what they say, what they may load."""

import re
from typing import Any, Final

import pytest
from django.apps import apps
from django.test import Client
from django.urls import include, path

from sagas import engine
from sagas.models import SagaExecution
from tests.console import scenes
from tests.console.conftest import client_of, new_user

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE: Final = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\u202e"
MOST_BYTES: Final = 60_000
"""Of a page's HTML, for a usual saga."""

PREFIX: Final = "/shop/console/"
urlpatterns = [
    path("", include("sagas.urls")),
    path("shop/console/", include("sagas.console.urls")),
]


def test_who_is_not_logged_in_is_sent_to_the_login(client: Client) -> None:
    for page in ("/", "/sagas/", "/sagas/x/", "/sagas/x/cancel/", "/find/?q=x"):
        answer = client.get(page)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/?next=")
    text = client.get("/login/").text
    assert "Log in" in text
    assert 'type="password"' in text


def test_one_logs_in_and_out(client: Client, alice: Any) -> None:
    scenes.completed("order-1", owner_id=alice.pk)
    form = {"username": alice.get_username(), "password": "wrong"}
    assert 'role="alert"' in client.post("/login/", form).text
    form |= {"password": "a lamp for Alice", "next": "/sagas/order-1/"}
    assert client.post("/login/", form)["Location"] == "/sagas/order-1/"
    assert client.get("/sagas/order-1/").status_code == 200
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/sagas/order-1/").status_code == 302


def test_a_stranger_sees_404_and_an_owner_their_own(alice: Any, anna: Any) -> None:
    scenes.waiting("order-1", owner_id=alice.pk)
    scenes.waiting("order-2")
    stranger = client_of(new_user("mallory"))
    for page in ("/sagas/order-1/", "/sagas/order-1/cancel/", "/sagas/order-1/nothing/"):
        answer = stranger.get(page)
        assert answer.status_code == 404
    hidden, missing = (
        re.sub('value="[^"]*"', "", stranger.get(f"/sagas/order-{name}/").text) for name in "1x"
    )
    assert hidden.replace("order-1", "X") == missing.replace("order-x", "X")
    for page in ("/", "/sagas/"):
        assert "order-" not in stranger.get(page).text
    owner = client_of(alice)
    assert "order-1" in owner.get("/sagas/").text
    assert "order-2" not in owner.get("/sagas/").text
    assert "Your sagas" in owner.get("/sagas/").text
    assert owner.get("/sagas/order-2/").status_code == 404
    assert "order-2" in client_of(anna).get("/sagas/").text


def test_an_owner_is_told_no_words_of_staff(alice: Any, operator: Client) -> None:
    scenes.start("checkout", "hers", owner_id=alice.pk)
    engine.pause("hers", by="bernadette", reason="the customer is a nuisance")
    words = (b"bernadette", b"nuisance")
    for page in ("/sagas/hers/", "/sagas/hers/?before=99", "/", "/sagas/"):
        hers = client_of(alice).get(page)
        assert hers.status_code == 200
        assert not [word for word in words if word in hers.content], page
    assert all(word in operator.get("/sagas/hers/").content for word in words)


def test_each_page_loads_only_what_is_ours(operator: Client) -> None:
    scenes.of_every_kind()
    pages = ["/", "/sagas/", "/login/", "/sagas/order-7/", "/sagas/order-6/cancel/", "/sagas/no/"]
    for page in pages:
        answer = operator.get(page, follow=True)
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "style-src 'self';" in policy
        assert "unsafe" not in policy
        assert " style=" not in answer.text
        assert "<style" not in answer.text
        assert answer.text.count("<script") == answer.text.count('src="/static/')
        assert "no-store" in answer["Cache-Control"]


def test_a_usual_saga_is_a_small_page(operator: Client) -> None:
    scenes.of_every_kind()
    for saga_id in ("order-1", "order-6", "order-7", "order-8", "tour-9", "labels-2026-05"):
        answer = operator.get(f"/sagas/{saga_id}/")
        assert answer.status_code == 200
        assert len(answer.content) < MOST_BYTES, saga_id
        part = operator.get(f"/sagas/{saga_id}/", headers={"HX-Request": "true"})
        assert "<html" not in part.text
        assert part.text.count("data-part=") == answer.text.count("data-part=") == 8


WHYS: Final = {
    "order-1": ("It completed in", "Nothing is left."),
    "order-4": ("anna</bdi> cancelled it", "the customer has called", "is undone."),
    "order-5": ("It is paused.", "otto", "the warehouse is closed", "until it is resumed"),
    "order-6": ("charge_card", "no answer within 5 s", "the next attempt is due"),
    "order-7": ("charge_card", "was refused", "credit limit exceeded", "being undone", "pack"),
    "order-8": ("could not undo everything", "reserve_stock", "the goods have left the house"),
    "credit-c-118": ("decision", "waits for a signal; it gives up in 2 h 59 min"),
    "labels-2026-05": ("print", "27 of 60 are done"),
    "stocktaking-1": ("count", "waits for a worker"),
    "stocktaking-2": ("It waits for what others hold:", "shelf-7"),
    "tour-9": ("goods", "in a saga of its own"),
}


def test_one_sentence_says_why_it_stands_so(operator: Client) -> None:
    scenes.of_every_kind()
    for saga_id, parts in WHYS.items():
        page = operator.get(f"/sagas/{saga_id}/").text
        said = page[page.index('data-part="why"') :].split("</p>")[0]
        for part in parts:
            assert part in said, saga_id


def test_what_is_hostile_is_inert(operator: Client) -> None:
    context = {HOSTILE: HOSTILE, "items": [HOSTILE], "deep": {"a": {"b": HOSTILE}}}
    pk = scenes.start("checkout", "order-1", context, tags=["a"])
    changes: dict[str, Any] = {HOSTILE: HOSTILE}
    scenes.succeed(pk, "check_customer", **changes)
    scenes.fail(pk, "reserve_stock", HOSTILE)
    engine.pause("order-1", by=HOSTILE, reason=HOSTILE)
    for page in ("/", "/sagas/", "/sagas/order-1/", "/sagas/order-1/cancel/"):
        text = operator.get(page).text
        assert "<script>" not in text
        assert "<img" not in text
        assert "\u202e" not in text
    for page in (
        "/sagas/%3Cscript%3Ealert(1)%3C%2Fscript%3E/",
        "/sagas/?tag=%3Cscript%3E&id=%3Cscript%3E&step=%3Cscript%3E&type=%3Cscript%3E",
        "/sagas/?parent=%3Cscript%3E&status=%3Cscript%3E&before=%3Cscript%3E",
        "/find/?q=%3Cscript%3E",
        "/sagas/order-1/?before=%3Cscript%3E",
    ):
        answer = operator.get(page, follow=True)
        assert answer.status_code in (200, 404, 422)
        assert "<script>" not in answer.text


def test_a_large_context_is_cut(operator: Client) -> None:
    context = {f"key_{number}": "x" * 190 for number in range(900)}
    scenes.start("checkout", "order-1", context)
    page = operator.get("/sagas/order-1/")
    assert "and 700 more keys" in page.text
    scenes.start("checkout", "order-2", {"large": "y" * 200_000})
    page = operator.get("/sagas/order-2/")
    assert "characters more" in page.text
    assert len(page.content) < MOST_BYTES


def test_an_unreadable_row_and_a_foreign_one_have_a_page(operator: Client) -> None:
    pk = scenes.at_card("order-1")
    SagaExecution.objects.filter(pk=pk).update(steps={"reserve_stock": {"status": "odd"}})
    page = operator.get("/sagas/order-1/")
    assert page.status_code == 200
    assert "row can&#x27;t be read" in page.text or "row can't be read" in page.text
    pk = scenes.at_card("order-2")
    SagaExecution.objects.filter(pk=pk).update(version=7)
    page = operator.get("/sagas/order-2/")
    assert "Nobody here goes on." in page.text
    assert "does not know" in page.text
    assert operator.get("/sagas/order-2/cancel/").status_code == 409


def test_long_histories_have_pages(operator: Client) -> None:
    scenes.start("labels", "labels-1", {"items": []})
    for _ in range(60):
        engine.pause("labels-1", by="anna", reason="a")
        engine.resume("labels-1", by="anna", reason="b")
    newest = operator.get("/sagas/labels-1/").text
    assert "Earlier events" in newest
    assert newest.count("<b>1</b> <code>saga.started") == 0
    earlier = operator.get("/sagas/labels-1/?before=20").text
    assert earlier.count("<code>saga.started</code>") == 1
    assert "Newest events" in earlier
    assert operator.get("/sagas/labels-1/?before=999999999999999999").status_code == 200
    assert operator.get("/sagas/labels-1/?before=0").status_code == 200


def test_it_follows_the_stream_or_else_asks_again(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes.at_card("order-1")
    scenes.undone("order-2")
    page = operator.get("/sagas/order-1/").text
    assert 'hx-trigger="news"' in page
    assert 'data-client="/static/sagas/saga-progress.js"' in page
    assert "hx-get" not in operator.get("/sagas/order-2/").text, "nothing follows"
    real = apps.is_installed
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "sagas.live" and real(name))
    page = operator.get("/sagas/order-1/").text
    assert 'hx-trigger="news, every 4s"' in page
    assert "data-client" not in page


def test_it_can_be_mounted_anywhere(operator: Client, settings: Any) -> None:
    scenes.of_every_kind()
    settings.ROOT_URLCONF = __name__
    for page in ("", "sagas/", "sagas/order-7/", "sagas/order-6/cancel/"):
        answer = operator.get(f"{PREFIX}{page}")
        assert answer.status_code == 200
        for address in _addresses(answer.text):
            assert address.startswith((PREFIX, "/static/", "?", "#")), address
    page = operator.get(f"{PREFIX}sagas/order-7/").text
    assert 'data-base="/"' in page


def _addresses(text: str) -> list[str]:
    return re.findall(r'(?:href|action|src|hx-get)="([^"]*)"', text)
