"""Dead letters in the admin: seen, replayed, never edited."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from sagas.bus import Delivery, dead_letters
from sagas.bus.dead_letters import Failure
from sagas.bus.models import DeadLetter

pytestmark = pytest.mark.django_db

LIST = "/admin/sagas_bus/deadletter/"


@pytest.fixture
def letter() -> DeadLetter:
    body = b'{"id": "e", "data": "<script>"}\xff'
    delivery = Delivery("q", "x", "user.created", body, {"a": object()}, False, lambda: None)
    dead_letters.keep(
        "shop.greet", delivery, Failure("RuntimeError: bad luck"), event_id="e", tries=8
    )
    return DeadLetter.objects.get()


def staff(client: Client, django_user_model: Any, *permissions: str) -> Client:
    user = django_user_model.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def test_it_is_shown_and_can_not_be_edited(admin_client: Client, letter: DeadLetter) -> None:
    assert "bad luck" in admin_client.get(LIST).content.decode()
    page = admin_client.get(f"{LIST}{letter.pk}/change/").content.decode()
    assert "&lt;script&gt;" in page
    assert 'name="reason"' not in page
    assert admin_client.get(f"{LIST}add/").status_code == 403
    admin_client.post(f"{LIST}{letter.pk}/change/", {"reason": "mine"})
    letter.refresh_from_db()
    assert letter.reason == "RuntimeError: bad luck"


def replay(client: Client, letter: DeadLetter) -> str:
    form = {"action": "replay", "_selected_action": [letter.pk]}
    return client.post(LIST, form, follow=True).content.decode()


def test_replay_begins_with_the_first_try(admin_client: Client, letter: DeadLetter) -> None:
    assert "1 of 1 will be tried again now." in replay(admin_client, letter)
    letter.refresh_from_db()
    assert letter.tries == 0
    assert letter.retry_at is not None
    assert "0 of 1" in replay(admin_client, letter), "it waits for its retry already"


def test_who_may_only_look_can_not_replay(
    client: Client, django_user_model: Any, letter: DeadLetter
) -> None:
    replay(staff(client, django_user_model, "view_deadletter"), letter)
    letter.refresh_from_db()
    assert letter.retry_at is None
