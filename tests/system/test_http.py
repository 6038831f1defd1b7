"""The HTTP API on a real server: what it says, and what bad input leaves behind (nothing)."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.logins import change_of
from tests.system.running import Running

ORDER = {
    "user_id": "alice",
    "items": [{"sku": "book", "quantity": 2}],
    "amount_cents": 2500,
    "currency": "EUR",
    "card": "ok",
}


@pytest.fixture
def nothing_is_left(running: Running) -> Iterator[None]:
    """Counts every row of the engine before and after."""
    count = (
        "SELECT (SELECT count(*) FROM sagas_sagaexecution), (SELECT count(*) FROM sagas_sagaevent)"
    )
    before = running.sql(count)
    yield
    assert running.sql(count) == before


def test_s11_the_same_request_again_is_the_same_saga(running: Running) -> None:
    body = {"saga_type": "probe", "saga_id": "http-1", "context": {"script": {}}}
    first, again = running.post(body), running.post(body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["created_at"] == again.json()["created_at"]
    assert first.json()["saga_id"] == "http-1"
    other = running.post({**body, "context": {"script": {"a": "reject"}}})
    assert (other.status_code, other.json()["error"]) == (409, "conflict")
    assert running.end_of("http-1")["status"] == "completed"


def test_an_id_is_made_where_none_is_given(running: Running) -> None:
    made = running.post({"saga_type": "probe", "context": {"script": {}}}).json()
    assert running.end_of(made["saga_id"])["status"] == "completed"


def test_events_are_read_on_from_the_last_seen(running: Running) -> None:
    saga_id = running.start()
    last = running.end_of(saga_id)["last_seq"]
    whole = running.request("GET", f"sagas/{saga_id}/events").json()
    rest = running.request("GET", f"sagas/{saga_id}/events?after=3").json()
    assert [event["seq"] for event in whole["events"]] == list(range(1, last + 1))
    assert rest["events"] == whole["events"][3:]
    assert whole["last_seq"] == last
    end = running.request("GET", f"sagas/{saga_id}/events?after={last}").json()
    assert end == {"events": [], "last_seq": last}


def body(context: str, saga_type: str = "probe") -> bytes:
    return f'{{"saga_type": "{saga_type}", "context": {context}}}'.encode()


@pytest.mark.parametrize(
    ("sent", "status", "field"),
    [
        (b'{"saga_type": "pro', 400, None),
        (b"", 422, "body"),
        (b"[1, 2]", 422, "body"),
        (b"\xff\xfe{", 400, None),
        (body("[" * 30_000 + "]" * 30_000), 400, None),
        (body("[" * 100_000 + "]" * 100_000), 413, None),
        (body('{"a": ' + "1" * 5000 + "}"), 400, None),
        (body("[1]"), 422, "context"),
        (body("null"), 422, "context"),
        (b'{"saga_type": "probe"}', 422, "context"),
        (b'{"saga_type": "probe", "context": {}, "more": 1}', 422, "more"),
        (b'{"saga_type": "probe", "context": {}, "saga_id": 7}', 422, "saga_id"),
        (b'{"saga_type": "probe", "context": {}, "saga_id": "a/b"}', 422, "saga_id"),
        (body("{}", "nobody"), 422, "saga_type"),
        (body('{"a": NaN}'), 422, "context.a"),
        (body('{"a": [1, Infinity]}'), 422, "context.a.1"),
        (body('{"a": 1e999}'), 422, "context.a"),
        (body(r'{"a": {"b": "x\u0000"}}'), 422, "context.a.b"),
        (body(r'{"a\u0000": 1}'), 422, "context"),
        (body(r'{"a": "\ud800"}'), 422, "context.a"),
        (body('{"attempt": 1}'), 422, "context.attempt"),
        (body(json.dumps({"a": "x" * 300_000})), 422, "context"),
        (body(json.dumps({"a": "x" * 2_000_000})), 413, None),
        (body('{"user_id": 7}', "order_processing"), 422, "context.user_id"),
    ],
)
@pytest.mark.usefixtures("nothing_is_left")
def test_bad_input_is_told_and_leaves_nothing(
    running: Running, sent: bytes, status: int, field: str | None
) -> None:
    headers = {**running.headers, "Content-Type": "application/json"}
    answer = running.request("POST", "sagas", content=sent, headers=headers)
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert said["error"]
    assert len(said["detail"]) > 10
    assert field is None or field in said["fields"]


@pytest.mark.parametrize("saga_id", ["nobody", "%00", "a%2Fb", "x" * 300, "%ff"])
def test_what_is_not_there_is_not_found(running: Running, saga_id: str) -> None:
    for path in (f"sagas/{saga_id}", f"sagas/{saga_id}/events"):
        assert running.request("GET", path).status_code == 404


@pytest.mark.parametrize("after", ["-1", "x", "1e3", str(1 << 70)])
def test_a_bad_position_is_told(running: Running, after: str) -> None:
    answer = running.request("GET", f"sagas/nobody/events?after={after}")
    assert answer.status_code == 422
    assert list(answer.json()["fields"]) == ["after"]


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer forged"}, {"Authorization": "Basic YTpi"}]
)
@pytest.mark.usefixtures("nothing_is_left")
def test_a_stranger_is_told_to_come_with_a_token(running: Running, headers: Any) -> None:
    for method, path in (("POST", "sagas"), ("GET", "sagas/x"), ("GET", "sagas/x/events")):
        answer = running.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "not_authenticated")


def test_a_saga_is_seen_by_its_owner_and_by_staff(running: Running) -> None:
    saga_id = running.start()
    other = {"Authorization": f"Bearer {running.token_for('somebody')}"}
    assert running.request("GET", f"sagas/{saga_id}", headers=other).status_code == 404
    taken = {"saga_type": "probe", "saga_id": saga_id, "context": {"script": {}}}
    assert running.request("POST", "sagas", json=taken, headers=other).status_code == 409
    running.sql(*change_of("somebody", "is_superuser", True))
    assert running.request("GET", f"sagas/{saga_id}", headers=other).status_code == 200


def test_a_token_ends_with_its_user_being_active(running: Running) -> None:
    headers = {"Authorization": f"Bearer {running.token_for('leaver')}"}
    assert running.request("GET", "sagas/x", headers=headers).status_code == 404
    running.sql(*change_of("leaver", "is_active", False))
    assert running.request("GET", "sagas/x", headers=headers).status_code == 401


def test_a_session_needs_the_csrf_token_to_change_anything(
    running: Running, browser: httpx.Client
) -> None:
    sent = {"saga_type": "probe", "context": {"script": {}}}
    assert browser.post("/api/v1/sagas", json=sent).status_code == 403
    headers = {"X-CSRFToken": browser.cookies["csrftoken"]}
    assert browser.post("/api/v1/sagas", json=sent, headers=headers).status_code == 201


def test_a_form_is_told_to_be_json(running: Running, browser: httpx.Client) -> None:
    form = {"csrfmiddlewaretoken": browser.cookies["csrftoken"], "saga_type": "probe"}
    answer = browser.post("/api/v1/sagas", data=form, files={"f": b"x"})
    assert (answer.status_code, answer.json()["error"]) == (400, "malformed")


def test_health_says_what_it_reaches(running: Running) -> None:
    answer = httpx.get(f"{running.web_url}/health/", trust_env=False)
    assert answer.json() == {
        "status": "ok",
        "database": "ok",
        "broker": "ok",
        "channel_layer": "ok",
    }


def test_the_admin_shows_an_execution_and_changes_none(
    running: Running, browser: httpx.Client
) -> None:
    saga_id = running.start()
    running.end_of(saga_id)
    listed = browser.get("/admin/sagas/sagaexecution/")
    assert saga_id in listed.text
    [(pk,)] = running.sql("SELECT id FROM sagas_sagaexecution WHERE saga_id = %s", saga_id)
    shown = browser.get(f"/admin/sagas/sagaexecution/{pk}/change/")
    assert saga_id in shown.text
    assert 'name="_save"' not in shown.text
