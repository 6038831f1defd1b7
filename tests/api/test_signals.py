"""Signals by HTTP and by the command line: keys, and the one that starts its saga."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from sagas import Saga, WaitFor
from sagas.models import SagaEvent, SagaExecution
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db(transaction=True)

START = {"saga_type": "parcel", "saga_id": "p-1", "context": {"to": "Bo"}}
FIRST = {"name": "update", "payload": 1, "key": "evt-1"}


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    define(Saga("parcel", [WaitFor("update", collect=True, most=3)]))
    form = {"properties": {"outcome": {"enum": ["yes", "no"]}}, "required": ["outcome"]}
    define(Saga("asking", [WaitFor("answer", form={"type": "object", **form})]))
    define(Saga("bare", [WaitFor("other")]))


def collected() -> list[Any]:
    found: list[Any] = SagaExecution.objects.get().options["collected"]["update"]
    return found


def saga(*arguments: object) -> str:
    said = io.StringIO()
    call_command("saga", *map(str, arguments), stdout=said)
    return said.getvalue().strip()


def test_r13_a_key_counts_once_over_http(alice: Caller) -> None:
    alice.post("sagas", START)
    path = "sagas/p-1/signals/update"
    assert alice.post(path, {"payload": 1, "key": "evt-1"}).status_code == 200
    assert alice.post(path, {"payload": 1, "key": "evt-1"}).status_code == 200
    other = alice.post(path, {"payload": 2, "key": "evt-1"})
    assert (other.status_code, other.json()["error"]) == (409, "refused")
    bad = alice.post(path, {"payload": 2, "key": ""})
    assert (bad.status_code, list(bad.json()["fields"])) == (422, ["key"])
    assert collected() == [1]


def test_s11_a_signal_starts_its_saga_over_http(alice: Caller) -> None:
    codes = [alice.post("sagas", {**START, "signal": FIRST}).status_code for _ in range(2)]
    more = {**FIRST, "payload": 2, "key": "evt-2"}
    codes.append(alice.post("sagas", {**START, "signal": more}).status_code)
    assert (codes, collected()) == ([201, 200, 200], [1, 2])
    assert SagaEvent.objects.filter(type="saga.signalled").first().data["by"] == "alice"  # type: ignore[union-attr]
    last = alice.post("sagas", {**START, "signal": {**more, "payload": 3, "key": "evt-3"}}).json()
    assert (last["status"], last["context"]["update"]) == ("completed", [1, 2, 3])


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"saga_id": None}, 422),
        ({"saga_type": "bare"}, 409),
        ({"signal": {"payload": 1}}, 422),
        ({"signal": {**FIRST, "more": 1}}, 422),
    ],
)
def test_a_bad_signal_starts_nothing_over_http(
    alice: Caller, change: dict[str, Any], status: int
) -> None:
    assert alice.post("sagas", {**START, "signal": FIRST, **change}).status_code == status
    assert not SagaExecution.objects.exists()


def test_a_saga_of_somebody_else_is_not_signalled(alice: Caller, boss: Caller) -> None:
    alice.post("sagas", START)
    assert boss.post("sagas", {**START, "signal": FIRST}).status_code == 409
    assert SagaExecution.objects.get().options == {}


def test_r13_a_key_counts_once_on_the_command_line() -> None:
    saga("start", "parcel", "--context", '{"to": "Bo"}', "--saga-id", "p-1")
    for _ in range(2):
        saga("signal", "p-1", "--name", "update", "--payload", 1, "--key", "evt-1", "--by", "bo")
    assert collected() == [1]


def test_s11_a_signal_starts_its_saga_on_the_command_line() -> None:
    start = ["start", "parcel", "--context", '{"to": "Bo"}', "--by", "bo"]
    signal = ["--signal", "update", "--payload", "1", "--key", "evt-1"]
    with pytest.raises(CommandError, match="Add --saga-id"):
        saga(*start, *signal)
    assert saga(*start, "--saga-id", "p-1", *signal) == "p-1: started"
    assert saga(*start, "--saga-id", "p-1", *signal) == "p-1: was there"
    assert collected() == [1]
    with pytest.raises(CommandError, match="--signal is for one saga"):
        saga("start", "parcel", "-", *signal)


def test_what_does_not_fit_a_form_is_told_by_field(alice: Caller) -> None:
    shown = alice.post("sagas", {**START, "saga_type": "asking"}).json()
    assert shown["steps"][0]["form"]["required"] == ["outcome"]
    path = "sagas/p-1/signals/answer"
    for payload, field in (({}, "payload.outcome"), ("yes", "payload")):
        answer = alice.post(path, {"payload": payload})
        assert (answer.status_code, list(answer.json()["fields"])) == (422, [field])
    assert alice.post(path, {"payload": {"outcome": "yes"}}).json()["status"] == "completed"
