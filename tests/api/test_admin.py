"""The admin: a list and pages to look at, actions with a reason, and nothing that can be edited."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sagas import engine
from sagas.admin import actions
from sagas.machine import Saga, SagaStep
from sagas.models import SagaEvent, SagaExecution
from tests.api.scenes import ALL, nothing, past_pivot, stuck
from tests.engine.driving import row

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/sagas/sagaexecution/"


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    for saga in ALL:
        define(saga)


@pytest.fixture
def somebody() -> Callable[..., Client]:
    """A browser of somebody of the staff with these permissions on executions."""

    def log_in(username: str, *permissions: str) -> Client:
        user = get_user_model().objects.create_user(username, is_staff=True)
        for name in permissions:
            user.user_permissions.add(Permission.objects.get(codename=name))
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def boss(somebody: Callable[..., Client]) -> Client:
    return somebody("boss", "administer_saga")


@pytest.fixture
def viewer(somebody: Callable[..., Client]) -> Client:
    return somebody("viewer", "view_sagaexecution")


def start(saga_id: str, saga_type: str = "shop", **context: Any) -> int:
    return engine.start(saga_type, context, saga_id=saga_id).execution_id


def text_of(answer: Any) -> str:
    """What a page says, without its tags."""
    assert answer.status_code == 200
    text = html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return re.sub(r"\s+", " ", text)


def listed(client: Client, **query: Any) -> list[str]:
    """The saga_ids on the list."""
    page = client.get(LIST, query).content.decode()
    return re.findall(r'class="field-saga_id"><a[^>]*>([^<]*)</a>', page)


def act(client: Client, action: str, *pks: int, **more: Any) -> Any:
    return client.post(LIST, {"action": action, ACTION_CHECKBOX_NAME: pks, **more}, follow=True)


def confirm(client: Client, action: str, *pks: int, reason: str = "a bad day") -> str:
    return text_of(act(client, action, *pks, reason=reason, confirmed="yes"))


def test_the_list_says_where_each_is_and_what_is_left(viewer: Client) -> None:
    stuck("s-1")
    start("b-1", "batch", items=[1, 2, 3])
    engine.pause("b-1", by="x")
    page = text_of(viewer.get(LIST))
    assert "gave up: reserve" in page
    assert "pack waiting (2 of 3 started)" in page
    assert "b-1, pack" in page, "a child names its parent"
    parent = SagaExecution.objects.get(saga_id="b-1").pk
    assert f'<a href="{LIST}{parent}/change/">b-1, pack</a>' in viewer.get(LIST).content.decode()


def test_each_filter_finds_what_it_says(viewer: Client, define: Any) -> None:
    define(Saga("shop", [SagaStep("a", nothing)], version=2))
    stuck("stuck")
    start("new")
    start("b-1", "batch", items=[1])
    engine.pause("new", by="x")
    assert listed(viewer) == ["b-1~pack.0", "b-1", "new", "stuck"]
    assert listed(viewer, status__exact="failed") == ["stuck"]
    assert listed(viewer, type="batch.pack") == ["b-1~pack.0"]
    assert listed(viewer, version="2") == ["new"]
    assert listed(viewer, version="x") == []
    assert listed(viewer, paused__exact="1") == ["new"]
    assert listed(viewer, family="root") == ["b-1", "new", "stuck"]
    assert listed(viewer, family="child") == ["b-1~pack.0"]
    assert listed(viewer, q="b-1") == ["b-1~pack.0", "b-1"]
    parent = SagaExecution.objects.get(saga_id="b-1").pk
    assert listed(viewer, parent__id__exact=parent) == ["b-1~pack.0"]
    choices = text_of(viewer.get(LIST))
    assert all(name in choices for name in ("batch.pack", "part of another", "compensating"))


def test_a_list_costs_the_same_whatever_is_on_it(viewer: Client) -> None:
    def statements() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            viewer.get(LIST)
        return [each["sql"] for each in captured.captured_queries]

    start("b-0", "batch", items=[1])
    few = statements()
    start("b-1", "batch", items=list(range(30)))
    stuck("s-1")
    many = statements()
    assert len(many) == len(few)
    assert not any('"context"' in statement for statement in many), "which may be large"


def test_a_page_shows_steps_events_children_and_parent(viewer: Client) -> None:
    execution_id = start("b-1", "batch", items=[1, 2, 3])
    engine.pause("b-1", by="carol", reason="stock-taking")
    page = viewer.get(f"{LIST}{execution_id}/change/")
    said = text_of(page)
    assert "pack ForEach waiting none" in said
    assert "2 of 3 started" in said
    assert "saga.paused carol: stock-taking" in said
    assert "b-1~pack.0 pack pending each scheduled" in said
    child = SagaExecution.objects.get(saga_id="b-1~pack.1")
    said = text_of(viewer.get(f"{LIST}{child.pk}/change/"))
    assert "b-1, pack" in said
    assert "each SagaStep scheduled" in said
    assert "saga.started" in said


def test_what_a_saga_holds_is_text_to_a_page(viewer: Client, define: Any) -> None:
    execution_id = start("s-1", item="<script>1")
    engine.pause("s-1", by="carol", reason="<script>2")
    page = viewer.get(f"{LIST}{execution_id}/change/").content.decode()
    assert "&lt;script&gt;1" in page
    assert "&lt;script&gt;2" in page
    assert "<script>1" not in page
    assert "<script>2" not in page


def test_a_page_of_a_failed_saga_says_why(viewer: Client) -> None:
    said = text_of(viewer.get(f"{LIST}{stuck('s-1')}/change/"))
    assert "gave up: reserve" in said
    assert "Rejected: no" in said
    assert 'saga.failed {"left": ["reserve"]}' in said


def test_a_page_shows_the_last_events_the_newest_first(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sagas.admin.tables.EVENTS", 3)
    execution_id = stuck("s-1")
    page = viewer.get(f"{LIST}{execution_id}/change/").content.decode()
    last = row(execution_id).last_seq
    numbers = re.findall(r"<tr><td>(\d+)</td>", page)
    assert numbers == [str(last), str(last - 1), str(last - 2)]


def test_nothing_can_be_edited_added_or_deleted(boss: Client) -> None:
    execution_id = start("s-1")
    before = list(SagaExecution.objects.values())
    change, delete = (f"{LIST}{execution_id}/{what}/" for what in ("change", "delete"))
    page = boss.get(change).content.decode()
    assert 'name="_save"' not in page
    assert not re.search(r'<(input|select|textarea)[^>]*name="(status|paused|context)', page)
    assert boss.post(change, {"status": "completed", "_save": "x"}).status_code == 403
    assert boss.post(delete, {"post": "yes"}).status_code == 403
    assert boss.post(f"{LIST}add/", {"saga_id": "x"}).status_code == 403
    act(boss, "delete_selected", execution_id, post="yes")
    assert list(SagaExecution.objects.values()) == before


# --- Actions --------------------------------------------------------------------------------------


def test_an_action_asks_why_before_it_does_anything(boss: Client) -> None:
    first, second, other = start("s-1"), start("s-2"), start("s-3")
    said = text_of(act(boss, "cancel", first, second))
    assert "Cancel 2 sagas" in said
    assert "s-1, pending, reserve scheduled" in said
    assert "s-3" not in said
    assert set(SagaExecution.objects.values_list("last_seq", flat=True)) == {2}
    said = confirm(boss, "cancel", first, second)
    assert "Cancel: 2 of 2 done." in said
    assert [row(pk).status for pk in (first, second, other)] == [
        "compensated",
        "compensated",
        "pending",
    ]
    events = SagaEvent.objects.filter(type="saga.cancelled")
    assert [event.data for event in events] == [{"by": "boss", "reason": "a bad day"}] * 2


@pytest.mark.parametrize("reason", ["", "   ", "x" * 1001, "a\x00b"])
def test_without_a_good_reason_it_asks_again(boss: Client, reason: str) -> None:
    execution_id = start("s-1")
    page = act(boss, "cancel", execution_id, reason=reason, confirmed="yes")
    assert 'class="errorlist"' in page.content.decode()
    assert row(execution_id).last_seq == 2
    again = re.findall(rf'name="{ACTION_CHECKBOX_NAME}" value="(\d+)"', page.content.decode())
    assert again == [str(execution_id)]


def test_pause_resume_and_retry(boss: Client) -> None:
    shop, failed = start("s-1"), stuck("s-2")
    confirm(boss, "pause", shop)
    assert row(shop).paused
    confirm(boss, "resume", shop)
    assert not row(shop).paused
    confirm(boss, "retry", failed)
    assert row(failed).status == "compensating"


def test_s7_messages_say_how_many_and_why_not(boss: Client) -> None:
    early, late = start("early"), past_pivot("late")
    said = confirm(boss, "cancel", early, late)
    assert "Cancel: 1 of 2 done." in said
    assert "Refused: late: It is past its pivot, hand_over" in said


def test_many_refusals_are_summed_up(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_REFUSALS_TOLD", 1)
    said = confirm(boss, "retry", *(start(f"s-{number}") for number in range(3)))
    assert said.count("No step has given up") == 1
    assert "2 more were refused." in said
    assert "done" not in said


def test_what_was_selected_is_acted_on_though_it_left_the_list(boss: Client) -> None:
    """Between the two pages it moved on, and no longer matches the list's filter."""
    execution_id = start("s-1")
    url = f"{LIST}?status__exact=running"
    sent = {"action": "pause", ACTION_CHECKBOX_NAME: execution_id, "confirmed": "yes"}
    boss.post(url, {**sent, "reason": "x"})
    assert row(execution_id).paused


def test_a_whole_list_can_be_selected_but_not_too_many(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_AT_ONCE", 2)
    pks = [start(f"s-{number}") for number in range(2)]
    assert "Pause 2 sagas" in text_of(act(boss, "pause", pks[0], select_across="1"))
    pks.append(start("s-2"))
    assert "Select fewer" in text_of(act(boss, "pause", pks[0], select_across="1"))
    assert "Select fewer" in confirm(boss, "pause", *pks)
    assert not SagaExecution.objects.filter(paused=True).exists()


def test_what_is_gone_is_told(boss: Client) -> None:
    assert "The selected sagas no longer exist" in confirm(boss, "pause", 4711)


def test_only_who_may_change_executions_may_act(viewer: Client) -> None:
    execution_id = start("s-1")
    assert 'name="action"' not in viewer.get(LIST).content.decode()
    for action in ("cancel", "pause", "resume", "retry"):
        confirm(viewer, action, execution_id)
    assert row(execution_id).last_seq == 2


def test_who_may_neither_view_nor_change_sees_nothing(somebody: Callable[..., Client]) -> None:
    execution_id = start("s-1")
    client = somebody("clerk")
    for url in (LIST, f"{LIST}{execution_id}/change/"):
        assert client.get(url).status_code == 403
    assert client.post(LIST, {"action": "cancel"}).status_code == 403
