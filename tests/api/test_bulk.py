"""Many starts in one request: all of them, or none."""

from typing import Any

import pytest

from sagas import engine
from sagas.models import SagaExecution
from tests.api.conftest import Caller
from tests.api.scenes import ALL

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    for saga in ALL:
        define(saga)


def body(*sagas: Any, **more: Any) -> dict[str, Any]:
    return {"saga_type": "shop", "sagas": list(sagas), **more}


def test_s11_a_repeated_request_changes_nothing(alice: Caller, committed: Any) -> None:
    wanted = body(
        {"saga_id": "s-1", "context": {"n": 1}, "tags": ["vip"]},
        {"context": {}, "deadline": "2999-01-01T00:00:00Z"},
        version=1,
    )
    answer = alice.post("sagas/bulk", wanted)
    assert answer.status_code == 201, answer.content
    first, second = answer.json()["sagas"]
    assert first == {"saga_id": "s-1", "status": "pending", "created": True}
    assert len(committed) == 2
    wanted["sagas"][1]["saga_id"] = second["saga_id"]
    again = alice.post("sagas/bulk", wanted)
    assert again.status_code == 200
    assert [each["created"] for each in again.json()["sagas"]] == [False, False]
    assert len(committed) == 2
    found = SagaExecution.objects.get(saga_id="s-1")
    assert (found.owner_id, found.tags, found.version) == (alice.user.pk, ["vip"], 1)
    wanted["sagas"].append({"saga_id": "s-3", "context": {}})
    assert alice.post("sagas/bulk", wanted).status_code == 201, "one of them is new"


def test_it_is_the_same_as_a_single_start(alice: Caller) -> None:
    alice.post("sagas/bulk", body({"saga_id": "s-1", "context": {"n": 1}}))
    single = {"saga_type": "shop", "saga_id": "s-1", "context": {"n": 1}}
    assert alice.post("sagas", single).status_code == 200


def test_a_conflict_starts_none_and_says_which(alice: Caller) -> None:
    engine.start("shop", {"n": 1}, saga_id="s-1", owner_id=alice.user.pk)
    wanted = body({"saga_id": "s-0", "context": {}}, {"saga_id": "s-1", "context": {}})
    answer = alice.post("sagas/bulk", wanted)
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert list(answer.json()["fields"]) == ["sagas.1.saga_id"]
    assert SagaExecution.objects.count() == 1


def test_a_conflict_does_not_tell_which_ids_others_have(alice: Caller, boss: Caller) -> None:
    engine.start("shop", {}, saga_id="s-1", owner_id=boss.user.pk)
    wanted = body({"saga_id": "s-0", "context": {}}, {"saga_id": "s-1", "context": {}})
    answer = alice.post("sagas/bulk", wanted)
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert answer.json()["fields"] == {}
    assert "s-1" not in answer.text
    assert SagaExecution.objects.count() == 1


def test_a_lock_that_another_holds_is_told(alice: Caller) -> None:
    given = {"context": {"locks": ["stock:7"]}}
    wanted = body({"saga_id": "i-1", **given}, {"saga_id": "i-2", **given}, saga_type="impatient")
    answer = alice.post("sagas/bulk", wanted)
    assert (answer.status_code, answer.json()["error"]) == (409, "locked")
    assert list(answer.json()["fields"]) == ["sagas.1.saga_id"]
    assert not SagaExecution.objects.exists()


@pytest.mark.parametrize(
    ("sent", "status", "fields"),
    [
        (b"[", 400, []),
        ([], 422, ["body"]),
        ({"sagas": []}, 422, ["saga_type"]),
        (body({"context": {}}, {"context": []}), 422, ["sagas.1.context"]),
        (body({"context": {}}, {}), 422, ["sagas.1.context"]),
        (body({"context": {}, "saga_type": "shop"}), 422, ["sagas.0.saga_type"]),
        (body({"context": {}}, {"context": {}, "saga_id": "a/b"}), 422, ["sagas.1.saga_id"]),
        (body({"context": {"attempt": 1}}), 422, ["sagas.0.context.attempt"]),
        (body({"context": {}, "tags": ["no tag"]}), 422, ["sagas.0.tags"]),
        (body({"context": {}, "start_at": "tomorrow"}), 422, ["sagas.0.start_at"]),
        (body({"context": {}}, saga_type="nobody"), 422, ["saga_type"]),
        (body({"context": {}}, version="1"), 422, ["version"]),
        (body(*[{"context": {}}] * 10_001), 422, ["sagas"]),
        (body({"context": {"text": "x" * 1024 * 1024}}), 413, []),
    ],
)
def test_bad_input_starts_none_and_says_which(
    alice: Caller, sent: Any, status: int, fields: list[str]
) -> None:
    answer = alice.post("sagas/bulk", sent)
    assert answer.status_code == status, answer.content
    assert list(answer.json()["fields"]) == fields
    assert not SagaExecution.objects.exists()


def test_a_saga_may_be_named_bulk(alice: Caller) -> None:
    alice.post("sagas", {"saga_type": "shop", "saga_id": "bulk", "context": {}})
    assert alice.get("sagas/bulk").json()["saga_id"] == "bulk"
