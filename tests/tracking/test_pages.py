"""The pages without a script: who gets them, what they say, what they may load."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from realtime import conversations
from realtime.models import Message
from tests.tracking.conftest import Crew, do

pytestmark = pytest.mark.django_db


def of(user: Any) -> Client:
    """Somebody's browser, which checks what browsers check of a POST."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def post(client: Client, page: str, action: str, **fields: Any) -> Any:
    """Sends a form of a page, with the page's token."""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(page).text)
    assert token is not None
    return client.post(action, {"csrfmiddlewaretoken": token[1], **fields})


def test_who_gets_the_page(crew: Crew, order: str) -> None:
    page = f"/orders/{order}/"
    answer = Client().get(page)
    assert (answer.status_code, answer["Location"]) == (302, f"/orders/login/?next={page}")
    assert of(crew.alice).get(page).status_code == 200
    assert of(crew.mallory).get(page).status_code == 404
    assert of(crew.mallory).get("/orders/nobody's/").status_code == 404
    for user in (crew.anna, crew.otto):
        assert of(user).get(page).status_code == 403
    assert "Join this order" in of(crew.anna).get(page).text
    assert "Join this order" not in of(crew.otto).get(page).text


def test_the_list_shows_what_one_may_see(crew: Crew, order: str) -> None:
    assert order in of(crew.alice).get("/orders/").text
    assert order not in of(crew.mallory).get("/orders/").text
    assert order in of(crew.otto).get("/orders/").text


def test_it_is_whole_without_a_script(crew: Crew, order: str) -> None:
    client, page = of(crew.alice), f"/orders/{order}/"
    do(order, "validate_user")
    key = uuid4()
    for _ in range(2):  # who clicks twice says it once
        answer = post(client, page, f"{page}say/", id=key, text="  <b>Where is it?</b>\n")
        assert (answer.status_code, answer["Location"]) == (302, page)
    text = client.get(page).text
    assert text.count("&lt;b&gt;Where is it?&lt;/b&gt;") == 1
    assert text.count('<li class="done" data-step="validate_user">') == 1
    assert text.count('<li class="now" data-step="reserve_inventory">') == 1


@pytest.mark.parametrize(
    "fields",
    [{}, {"text": "x"}, {"id": "7", "text": "x"}, {"id": uuid4(), "text": " \n "}]
    + [{"id": uuid4(), "text": text} for text in ("x" * 2001, "a\0b", "\x1b[2J")],
    ids=repr,
)
def test_what_is_no_message_is_said_to_be_none(
    crew: Crew, order: str, fields: dict[str, Any]
) -> None:
    client, page = of(crew.alice), f"/orders/{order}/"
    assert post(client, page, f"{page}say/", **fields).status_code == 302
    assert "Not sent" in client.get(page).text
    assert not Message.objects.exists()


def test_a_post_of_another_site_is_refused(crew: Crew, order: str) -> None:
    fields = {"id": uuid4(), "text": "x"}
    assert of(crew.alice).post(f"/orders/{order}/say/", fields).status_code == 403
    assert of(crew.anna).post(f"/orders/{order}/join/").status_code == 403
    assert not Message.objects.exists()


def test_staff_join_and_leave(crew: Crew, order: str) -> None:
    client, page = of(crew.anna), f"/orders/{order}/"
    assert post(client, page, f"{page}join/").status_code == 302
    assert client.get(page).status_code == 200
    assert post(client, page, f"{page}leave/").status_code == 302
    assert client.get(page).status_code == 403
    assert post(of(crew.otto), "/orders/", f"{page}join/").status_code == 403
    assert of(crew.otto).get(page).status_code == 403


def test_long_histories_come_a_page_at_a_time(crew: Crew, order: str) -> None:
    conversations.join(order, crew.anna)
    for number in range(60):
        who = (crew.alice, crew.anna)[number % 2]
        conversations.say(order, who, uuid4(), f"message {number} of them")
        Message.objects.update(at="2020-01-01T00:00:00Z")
    client, page = of(crew.alice), f"/orders/{order}/"
    newest = client.get(page).text
    assert "message 59 of them" in newest
    assert "message 9 of them" not in newest
    assert 'href="?before=12"' in newest
    earlier = client.get(f"{page}?before=12").text
    assert "message 9 of them" in earlier
    assert "tracking.js" not in earlier
    for text in ("-1", "x", "9" * 40, ""):
        assert "message 59 of them" in client.get(page, {"before": text}).text


def test_the_policy_allows_no_script_and_no_style_within_a_page(crew: Crew, order: str) -> None:
    conversations.join(order, crew.anna)
    for user, page in (
        (crew.alice, "/orders/"),
        (crew.alice, f"/orders/{order}/"),
        (crew.anna, f"/orders/{order}/"),
        (crew.otto, f"/orders/{order}/"),
    ):
        answer = of(user).get(page)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "no-store" in answer["Cache-Control"]
        assert not re.search(r"<style|<script(?![^>]* src=)| style=| on\w+=", answer.text)
    assert "default-src 'none'" in Client().get("/orders/login/")["Content-Security-Policy"]


@pytest.mark.parametrize("model", ["customer", "conversation", "assignment", "message"])
def test_the_admin_shows_and_changes_nothing(crew: Crew, order: str, model: str) -> None:
    conversations.join(order, crew.anna)
    crew.anna.is_superuser = True
    crew.anna.save()
    client = of(crew.anna)
    assert client.get(f"/admin/realtime/{model}/").status_code == 200
    assert client.get(f"/admin/realtime/{model}/add/").status_code == 403
    pk = Message.objects.get().pk
    if model == "message":
        assert "is on it now" in client.get(f"/admin/realtime/message/{pk}/change/").text
        assert client.get(f"/admin/realtime/message/{pk}/delete/").status_code == 403
