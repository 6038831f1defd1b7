"""Who may do what over HTTP, and what bad input leaves behind: nothing."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from sagas import engine
from sagas.api.problems import STATUS
from sagas.errors import SagaError
from sagas.management.verbs import ERRORS
from sagas.models import SagaEvent, SagaExecution
from tests.api.conftest import Caller
from tests.api.scenes import ALL, stuck
from tests.engine.driving import row

pytestmark = pytest.mark.django_db(transaction=True)

FOR_STAFF = {
    "pause": {"reason": "x"},
    "resume": {"reason": "x"},
    "retry": {"reason": "x"},
    "reschedule": {"reason": "x", "step": "reserve", "moment": "2999-01-01T00:00:00Z"},
    "skip": {"reason": "x", "step": "reserve"},
    "resolve": {"reason": "x", "step": "reserve"},
    "amend": {"reason": "x", "changes": {"a": 2}},
}
FOR_OWNERS = {"cancel": {"reason": "x"}, "signals/approved": {"payload": 1}}


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    for saga in ALL:
        define(saga)


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    """No row of the engine is another one afterwards."""
    yield
    assert not SagaExecution.objects.exclude(saga_id="s-1").exists()
    found = SagaExecution.objects.filter(saga_id="s-1").first()
    assert found is None or (found.last_seq, found.revision) == (2, 1)
    assert SagaEvent.objects.count() == (2 if found else 0)


def all_errors(error: type[SagaError] = SagaError) -> set[type[SagaError]]:
    found = set(error.__subclasses__())
    return found.union(*(all_errors(each) for each in found))


@pytest.mark.parametrize("table", [STATUS, ERRORS])
def test_each_port_has_words_for_each_error(table: dict[Any, Any]) -> None:
    assert set(table) == all_errors()


@pytest.mark.parametrize("path", [*FOR_STAFF, *FOR_OWNERS])
@pytest.mark.usefixtures("nothing_is_left")
def test_who_may_not_see_it_does_not_learn_that_it_is_there(
    alice: Caller, caller: Callable[..., Caller], path: str
) -> None:
    engine.start("shop", {}, saga_id="s-1", owner_id=alice.user.pk)
    body = {**FOR_STAFF, **FOR_OWNERS}[path]
    stranger = caller("stranger")
    hidden, absent = (stranger.post(f"sagas/{saga_id}/{path}", body) for saga_id in ("s-1", "s-2"))
    assert (hidden.status_code, hidden.json()["error"]) == (404, "not_found")
    assert hidden.json()["detail"].replace("s-1", "s-2") == absent.json()["detail"]


def test_the_way_back_is_seen_by_who_may_see_the_saga(
    alice: Caller, boss: Caller, caller: Callable[..., Caller]
) -> None:
    engine.start("shop", {}, saga_id="s-1", owner_id=alice.user.pk)
    answers = [who.get("sagas/s-1/way-back") for who in (alice, boss, caller("stranger"))]
    assert [answer.status_code for answer in answers] == [200, 200, 404]


@pytest.mark.parametrize("action", FOR_STAFF)
@pytest.mark.usefixtures("nothing_is_left")
def test_an_owner_is_told_what_only_staff_may_do(alice: Caller, action: str) -> None:
    engine.start("shop", {}, saga_id="s-1", owner_id=alice.user.pk)
    answer = alice.post(f"sagas/s-1/{action}", FOR_STAFF[action])
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert "sagas.operate_saga or sagas.operate:shop" in answer.json()["detail"]


@pytest.mark.parametrize("action", FOR_STAFF)
def test_staff_may_act_on_what_others_own(alice: Caller, boss: Caller, action: str) -> None:
    if action in ("retry", "resolve", "amend"):
        execution_id = stuck("s-1", alice.user.pk)
    else:
        execution_id = engine.start("shop", {}, saga_id="s-1", owner_id=alice.user.pk).execution_id
    if action == "resume":
        boss.post("sagas/s-1/pause", {"reason": "x"})
    before = row(execution_id).last_seq
    answer = boss.post(f"sagas/s-1/{action}", FOR_STAFF[action])
    assert answer.status_code == 200, answer.content
    assert row(execution_id).last_seq > before


@pytest.mark.usefixtures("nothing_is_left")
def test_only_staff_may_act_on_many(alice: Caller) -> None:
    engine.start("shop", {}, saga_id="s-1", owner_id=alice.user.pk)
    body = {"action": "cancel", "reason": "x", "filter": {"saga_type": "shop"}}
    answer = alice.post("sagas/actions", body)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "path", ["s-1/cancel", "s-1/signals/x", "actions", "s-1/resolve", "s-1/way-back", ""]
)
def test_a_stranger_is_told_to_come_with_a_token(path: str) -> None:
    method = Client().get if path in ("", "s-1/way-back") else Client().post
    answer = method(f"/api/v1/sagas/{path}".rstrip("/"))
    assert (answer.status_code, answer.json()["error"]) == (401, "not_authenticated")


@pytest.mark.parametrize(
    ("path", "sent", "status", "field"),
    [
        ("cancel", {}, 422, "reason"),
        ("cancel", {"reason": ""}, 422, "reason"),
        ("cancel", {"reason": "  "}, 422, "reason"),
        ("cancel", {"reason": 7}, 422, "reason"),
        ("cancel", {"reason": "x" * 1001}, 422, "reason"),
        ("cancel", b'{"reason": "a\\u0000b"}', 422, "reason"),
        ("cancel", b'{"reason": "\\ud800"}', 422, "reason"),
        ("cancel", {"reason": "x", "by": "somebody else"}, 422, "by"),
        ("cancel", {"reason": "x", "step": "reserve"}, 422, "step"),
        ("cancel", b'{"reason": ', 400, None),
        ("cancel", b"[]", 422, "body"),
        ("pause", {"reason": "x", "changes": {}}, 422, "changes"),
        ("retry", {"reason": "x", "step": 7}, 422, "step"),
        ("skip", {"reason": "x"}, 422, "step"),
        ("skip", {"reason": "x", "step": "reserve", "changes": [1]}, 422, "changes"),
        ("skip", {"reason": "x", "step": "reserve", "changes": None}, 422, "changes"),
        ("skip", {"reason": "x", "step": "reserve", "changes": {"attempt": 1}}, 422, None),
        ("skip", b'{"reason": "x", "step": "reserve", "changes": {"a": NaN}}', 422, None),
        ("skip", b'{"reason": "x", "step": "reserve", "changes": {"a": "\\u0000"}}', 422, None),
        ("skip", {"reason": "x", "step": "nobody"}, 409, None),
        ("skip", b'{"reason": "x", "step": "\\u0000"}', 409, None),
        ("skip", b'{"reason": "x", "step": "\\ud800"}', 409, None),
        ("reschedule", {"reason": "x", "step": "reserve"}, 422, "moment"),
        ("reschedule", {"reason": "x", "moment": "2030-01-01T00:00:00Z"}, 422, "step"),
        ("reschedule", {"reason": "x", "step": "a", "moment": "tomorrow"}, 422, "moment"),
        ("reschedule", {"reason": "x", "step": "a", "moment": 1893456000}, 422, "moment"),
        ("reschedule", {"reason": "x", "step": "a", "moment": "2030-01-01T00:00"}, 422, "moment"),
        ("resolve", {"reason": "x"}, 422, "step"),
        ("resolve", {"reason": "x", "step": "reserve"}, 409, None),
        ("retry", {"reason": "x"}, 409, None),
        ("amend", {"reason": "x"}, 422, "changes"),
        ("amend", {"reason": "x", "changes": {}}, 422, "changes"),
        ("amend", {"reason": "x", "changes": {"a": 2}}, 409, None),
        ("amend", {"reason": "x", "changes": {"a": "x" * 300_000}}, 422, "context"),
        ("signals/approved", {"payload": 1, "by": "me"}, 422, "by"),
        ("signals/approved", b'{"payload": NaN}', 422, "context.approved"),
        ("signals/%00", {"payload": 1}, 422, None),
        ("signals/attempt", {"payload": 1}, 422, "context.attempt"),
        ("signals/nobody", {"payload": 1}, 409, None),
    ],
)
@pytest.mark.usefixtures("nothing_is_left")
def test_bad_input_is_told_and_leaves_nothing(
    boss: Caller, path: str, sent: Any, status: int, field: str | None
) -> None:
    engine.start("shop", {}, saga_id="s-1")
    answer = boss.post(f"sagas/s-1/{path}", sent)
    assert answer.status_code == status, answer.content
    said = answer.json()
    assert len(said["detail"]) > 10
    assert field is None or field in said["fields"], said


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"start_at": "2030-01-01T00:00:00"}, "start_at"),
        ({"start_at": "2030-01-01"}, "start_at"),
        ({"start_at": "tomorrow"}, "start_at"),
        ({"start_at": 1893456000}, "start_at"),
        ({"start_at": "1893456000"}, "start_at"),
        ({"deadline": "9999-12-31T23:59:59-14:00"}, "deadline"),
        ({"deadline": "0001-01-01T00:00:00+14:00"}, "deadline"),
        ({"deadline": ["2030-01-01T00:00:00Z"]}, "deadline"),
        ({"version": "1"}, "version"),
        ({"version": True}, "version"),
        ({"version": 0}, "saga_type"),
        ({"version": 1 << 70}, "saga_type"),
        ({"start_in": 5}, "start_in"),
    ],
)
@pytest.mark.usefixtures("nothing_is_left")
def test_a_start_with_bad_terms_is_told_and_leaves_nothing(
    alice: Caller, given: dict[str, Any], field: str
) -> None:
    answer = alice.post("sagas", {"saga_type": "shop", "context": {}, **given})
    assert answer.status_code == 422, answer.content
    assert list(answer.json()["fields"]) == [field]
    assert "Value error" not in answer.json()["detail"]


def test_a_start_takes_times_and_a_version(alice: Caller, define: Any) -> None:
    options = {"start_at": "2999-01-01T01:00:00+01:00", "deadline": "2999-01-02T00:00:00Z"}
    body = {"saga_type": "shop", "context": {}, "version": 1, **options}
    said = alice.post("sagas", body).json()
    assert (said["start_at"], said["deadline"]) == ("2999-01-01T00:00:00Z", "2999-01-02T00:00:00Z")
    assert (said["version"], said["status"], said["current_steps"]) == (1, "pending", [])


def test_a_lock_that_another_holds_is_told(alice: Caller) -> None:
    first = {"saga_type": "impatient", "context": {"locks": ["stock:7"]}, "saga_id": "i-1"}
    assert alice.post("sagas", first).status_code == 201
    answer = alice.post("sagas", {**first, "saga_id": "i-2"})
    assert (answer.status_code, answer.json()["error"]) == (409, "locked")
    assert "stock:7" in answer.json()["detail"]
    assert SagaExecution.objects.count() == 1
    assert json.loads(alice.post("sagas", first).content)["saga_id"] == "i-1", "S11"
