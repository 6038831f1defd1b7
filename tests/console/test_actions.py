"""What people do to a saga: who may, what the page says before, and what comes of it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from sagas import Saga, WaitFor, engine
from sagas.console import actions
from sagas.models import SagaEvent, SagaExecution
from tests.console import scenes
from tests.console.conftest import client_of, new_user

pytestmark = pytest.mark.django_db(transaction=True)

ALL = {"cancel", "pause", "resume", "retry", "resolve", "skip", "signal"}


def offered(client: Client, saga_id: str = "order-1") -> set[str]:
    """The verbs of the page's buttons."""
    text = client.get(f"/sagas/{saga_id}/").text
    return set(re.findall(rf'href="/sagas/{saga_id}/(\w+)/', text))


def post(client: Client, verb: str, saga_id: str = "order-1", **fields: Any) -> Any:
    return client.post(f"/sagas/{saga_id}/{verb}/", fields)


def newest(saga_id: str = "order-1") -> SagaEvent:
    """The newest event that a person made."""
    events = SagaEvent.objects.filter(execution__saga_id=saga_id, data__has_key="by")
    return events.order_by("-seq")[0]


def status(saga_id: str = "order-1") -> str:
    return SagaExecution.objects.get(saga_id=saga_id).status


@pytest.mark.parametrize(
    ("scene", "of_operator", "of_owner"),
    [
        (scenes.retrying, {"cancel", "pause", "retry", "skip"}, {"cancel"}),
        (scenes.paused, {"cancel", "resume", "skip"}, {"cancel"}),
        (scenes.turning_back, {"pause"}, set()),
        (scenes.stuck, {"retry", "resolve"}, set()),
        (scenes.waiting, {"cancel", "pause", "skip", "signal"}, {"cancel", "signal"}),
        (scenes.completed, set(), set()),
        (scenes.undone, set(), set()),
    ],
)
def test_what_one_may_not_do_is_absent(
    alice: Any, anna: Any, scene: Any, of_operator: set[str], of_owner: set[str]
) -> None:
    scene("order-1", owner_id=alice.pk)
    viewer = client_of(new_user("vera", "view_sagaexecution"))
    for client, verbs in (
        (client_of(anna), of_operator),
        (client_of(alice), of_owner),
        (viewer, set()),
    ):
        assert offered(client) - {"retry"} == verbs - {"retry"}
        for verb in ALL - verbs - {"retry"}:
            answer = post(client, verb, reason="why not")
            assert answer.status_code in (403, 409), verb
            assert "Nothing was changed." in answer.text
            assert client.get(f"/sagas/order-1/{verb}/").status_code == answer.status_code
    assert not SagaEvent.objects.filter(data__reason="why not").exists()


def test_what_makes_no_sense_says_why(operator: Client) -> None:
    scenes.stuck("order-1")
    answer = post(operator, "cancel", reason="x")
    assert answer.status_code == 409
    assert "It has turned back already. Retry or resolve what is left." in answer.text


def test_who_may_only_look_gets_403_and_words(alice: Any) -> None:
    scenes.retrying("order-1", owner_id=alice.pk)
    answer = client_of(alice).get("/sagas/order-1/skip/")
    assert answer.status_code == 403
    assert "You may not do that" in answer.text
    assert "<nav" in answer.text, "a page like any other"


def test_a_cancel_says_in_numbers_what_it_does_and_then_does_it(operator: Client) -> None:
    scenes.retrying("order-1")
    page = operator.get("/sagas/order-1/cancel/").text
    assert "Undoes 3 steps, leaves 1 that has nothing to undo." in page
    for name in ("refund", "unpack", "release_stock"):
        assert f"↺ {name}" in page
    answer = post(operator, "cancel", reason="as asked")
    assert (answer.status_code, answer["Location"]) == (302, "/sagas/order-1/")
    assert "It turns back." in operator.get("/sagas/order-1/").text
    event = newest()
    assert (event.type, event.data["by"], event.data["reason"]) == (
        "saga.cancelled",
        "anna",
        "as asked",
    )
    undone = set(
        SagaEvent.objects.filter(
            execution__saga_id="order-1", direction="compensation"
        ).values_list("step", flat=True)
    )
    assert undone == {"charge_card", "pack"}, "the first stage, as it was drawn"


def test_nothing_is_done_without_a_reason_or_a_token(operator: Client, anna: Any) -> None:
    scenes.retrying("order-1")
    for reason in ("", " \n ", "x" * 1001, "a\0b"):
        answer = post(operator, "cancel", reason=reason)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(anna)
    assert post(strict, "cancel", reason="as asked").status_code == 403
    page = strict.get("/sagas/order-1/cancel/").text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token is not None
    assert status() == "running"
    fields = {"reason": "as asked", "csrfmiddlewaretoken": token[1]}
    assert post(strict, "cancel", **fields).status_code == 302
    assert status() == "compensating"
    assert operator.put("/sagas/order-1/cancel/").status_code == 405


def test_pause_and_resume(operator: Client) -> None:
    scenes.at_card("order-1")
    assert post(operator, "pause", reason="a").status_code == 302
    assert newest().type == "saga.paused"
    assert "resume" in offered(operator)
    assert post(operator, "pause", reason="again").status_code == 409, "it is not offered"
    assert post(operator, "resume", reason="b").status_code == 302
    assert newest().type == "saga.resumed"


def test_retry_and_resolve_of_what_gave_up(operator: Client) -> None:
    scenes.stuck("order-1")
    page = operator.get("/sagas/order-1/").text
    assert re.search(r'class="button main" href="/sagas/order-1/retry/\?step=reserve_stock"', page)
    assert post(operator, "retry", step="reserve_stock", reason="it is back").status_code == 302
    assert status() == "compensating"
    scenes.reject(
        SagaExecution.objects.get(saga_id="order-1").pk, "reserve_stock", "no", scenes.BACK
    )
    assert post(operator, "resolve", step="check_customer", reason="x").status_code == 422
    assert post(operator, "resolve", step="reserve_stock", reason="done").status_code == 302
    assert newest().type == "step.resolved"
    assert status() == "compensated"


def test_skip_takes_what_the_step_would_have_given(operator: Client) -> None:
    scenes.at_card("order-1")
    page = operator.get("/sagas/order-1/skip/").text
    assert '<option value="charge_card"' in page
    for result, said in (("{", "not JSON"), ("[1]", "Write an object"), ("[" * 9999, "nested")):
        answer = post(operator, "skip", step="charge_card", result=result, reason="x")
        assert answer.status_code == 422
        assert said in answer.text
    answer = post(operator, "skip", step="charge_card", result='{"saga_id": 1}', reason="x")
    assert answer.status_code == 422, "the engine keeps that key itself"
    given = '{"payment": "by hand"}'
    answer = post(operator, "skip", step="charge_card", result=given, reason="paid in cash")
    assert answer.status_code == 302
    assert SagaExecution.objects.get(saga_id="order-1").context["payment"] == "by hand"
    assert "paid in cash" in operator.get("/sagas/order-1/").text


def test_a_signal_has_the_form_of_its_wait(alice: Any) -> None:
    scenes.waiting("order-1", owner_id=alice.pk)
    client = client_of(alice)
    page = client.get("/sagas/order-1/signal/?step=decision").text
    for label in ("Approved", "Limit", "Team", "Note"):
        assert label in page
    assert 'name="reason"' not in page
    for fields in ({}, {"of.approved": "odd"}, {"of.approved": "true", "of.limit": "-1"}):
        answer = client.post("/sagas/order-1/signal/", fields)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    fields = {"of.approved": "true", "of.limit": "500", "of.team": "", "of.note": ""}
    assert client.post("/sagas/order-1/signal/", fields).status_code == 302
    context = SagaExecution.objects.get(saga_id="order-1").context
    assert context["decision"] == {"approved": True, "limit": 500}


def test_a_signal_is_never_given_to_another_wait_than_its_page_was_for(
    operator: Client, define: Callable[[Saga], Saga]
) -> None:
    """Somebody else was quicker, and the saga has come to its next wait."""
    define(Saga("notice", [WaitFor("read"), WaitFor("answer")]))
    scenes.start("notice", "order-1")
    page = operator.get("/sagas/order-1/signal/")
    assert page["Location"] == "/sagas/order-1/signal/?step=read"
    engine.signal("order-1", "read", True, by="bo")
    answer = operator.post(page["Location"], {"payload": "1"})
    assert answer.status_code == 409
    assert "Nothing was changed." in answer.text
    assert "answer" not in SagaExecution.objects.get(saga_id="order-1").context


def test_a_signal_without_a_simple_form_is_json(
    operator: Client, define: Callable[[Saga], Saga]
) -> None:
    define(Saga("notice", [WaitFor("read"), WaitFor("answer", form={"type": "array"})]))
    scenes.start("notice", "order-1")
    assert "Payload" in operator.get("/sagas/order-1/signal/?step=read").text
    assert post(operator, "signal", payload="{").status_code == 422
    assert post(operator, "signal", payload='{"by": ["anna"]}').status_code == 302
    answer = post(operator, "signal", payload='"no array"')
    assert answer.status_code == 422, "what the page does not check, the engine does"
    assert "payload:" in answer.text
    assert post(operator, "signal", payload="[1]").status_code == 302
    context = SagaExecution.objects.get(saga_id="order-1").context
    assert (context["read"], context["answer"]) == ({"by": ["anna"]}, [1])


def test_an_unknown_verb_is_nothing(operator: Client) -> None:
    scenes.at_card("order-1")
    assert operator.get("/sagas/order-1/destroy/").status_code == 404


def test_who_was_slower_is_told_so(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was offered; somebody else has acted before the answer came."""
    scenes.waiting("order-1")
    real = actions._do

    def slower(*args: Any) -> None:
        engine.cancel("order-1", by="somebody", reason="quicker")
        real(*args)

    monkeypatch.setattr(actions, "_do", slower)
    answer = post(operator, "skip", step="decision", reason="x")
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text
    assert "order-1" in answer.text
