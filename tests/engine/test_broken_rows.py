"""L3: one broken row, or one definition that raises, stops neither the wake loop nor anything else
for the other executions."""

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client

from sagas import engine, queries
from sagas.engine import work, working
from sagas.errors import OperationRefused
from sagas.machine import Direction, Pause, Retry, Saga, SagaStep, Sleep, SubSaga
from sagas.models import SagaExecution
from tests.engine.driving import pass_time, row

pytestmark = pytest.mark.django_db(transaction=True)

DUE = {"status": "scheduled", "due_at": "2026-01-01T00:00:00+00:00", "since": None}
BROKEN: list[tuple[str, Any]] = [
    ("steps", []),
    ("steps", "charge"),
    ("steps", None),
    ("steps", 5),
    ("steps", {"reserve": 5}),
    ("steps", {"reserve": {}}),
    ("steps", {"reserve": {"status": "gone"}}),
    ("steps", {"reserve": {"status": ["scheduled"]}}),
    ("steps", {"reserve": {"status": "scheduled"}}),
    ("steps", {"reserve": {"status": "scheduled", "due_at": "yesterday"}}),
    ("steps", {"reserve": {"status": "scheduled", "due_at": "2026-01-01T00:00:00"}}),
    ("steps", {"reserve": {"status": "running", "lease_until": 5}}),
    ("steps", {"reserve": {**DUE, "attempts": "many"}}),
    ("steps", {"reserve": {"status": "scheduled", "due_at": DUE["due_at"], "attempts": 10**30}}),
    ("steps", {"reserve": {"status": "running", "children": {"total": "x"}}}),
    ("steps", {"reserve": {"status": "failed", "failure": "x"}}),
    ("options", []),
    ("options", 5),
    ("options", {"nonsense": 1}),
    ("options", {"deadline": "soon"}),
    ("options", {"deadline": 5}),
    ("options", {"deadline": "2026-01-01T00:00:00"}),
    ("commands", 5),
    ("commands", ["what"]),
    ("context", 5),
    ("current_steps", 5),
    ("current_steps", ["another"]),
    ("tags", {"a": 1}),
]


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    define(Saga("shop", [SagaStep("reserve", lambda _: None), SagaStep("charge", lambda _: None)]))


LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = frozenset(f"good-{number}" for number in range(len(BROKEN) + 1))


@pytest.fixture
def broken() -> dict[str, int]:
    """saga_id → id of those that something else wrote, each between two others. All are due."""
    names = [name for n in range(len(BROKEN)) for name in (f"good-{n}", f"bad-{n}")]
    new = [engine.NewSaga({}, name) for name in (*names, f"good-{len(BROKEN)}")]
    ids = {each.saga_id: each.execution_id for each in engine.start_many("shop", new)}
    SagaExecution.objects.update(wake_at=LONG_AGO)
    with connection.cursor() as cursor:
        for number, (column, value) in enumerate(BROKEN):
            sql = f"UPDATE sagas_sagaexecution SET {column} = %s::jsonb WHERE id = %s"
            cursor.execute(sql, [json.dumps(value), ids[f"bad-{number}"]])
    return ids


def test_the_others_are_woken(broken: dict[str, int], committed: Any) -> None:
    committed.clear()
    assert engine.wake(100) == len(broken)
    assert {told.saga_id for told in committed if told.hints} >= GOOD
    assert not SagaExecution.objects.filter(wake_at=LONG_AGO).exists(), "the broken ones wait, too"


def test_the_others_are_claimed(broken: dict[str, int]) -> None:
    fences, action = dict.fromkeys(broken.values(), 0), Direction.ACTION
    seen = engine.look_ahead(broken.values())
    together = engine.claim_together(fences, "reserve", action, holder="h", seen=seen)
    for saga_id in GOOD:
        found = broken[saga_id]
        work = together.get(found) or engine.claim(found, "reserve", action, 0)
        assert work is not None
        engine.succeed(work, work.run())
        assert row(found).current_steps == ["charge"]


def test_what_is_claimed_together_is_no_worse_for_one_that_cannot_be_run(
    monkeypatch: Any,
) -> None:
    """S14 is not for it: its claim is committed. The others' claims are, too."""
    sagas = [engine.NewSaga({"bad": number == 1}) for number in range(3)]
    ids = [each.execution_id for each in engine.start_many("shop", sagas)]

    def work_of(saga: Saga, found: Any, *others: Any) -> Any:
        if found.state.context["bad"]:
            raise ValueError("nothing to run")
        return made(saga, found, *others)

    made = work.work_of
    monkeypatch.setattr(working, "work_of", work_of)
    works = engine.claim_together(
        dict.fromkeys(ids, 0),
        "reserve",
        Direction.ACTION,
        holder="h",
        seen=engine.look_ahead(ids),
    )
    assert [works[each] is not None for each in ids] == [True, False, True]


def test_the_others_are_listed_and_acted_on(broken: dict[str, int]) -> None:
    found = queries.page(queries.Filter(saga_type="shop"), queries.OPERATOR, limit=200).executions
    assert {queries.summary(each)["saga_id"] for each in found} == broken.keys()
    for each in found:
        queries.describe(each)
    said = {each.saga_id: queries.what_is_left(each) for each in found}
    assert "can't be read: AttributeError" in said["bad-0"]
    out = StringIO()
    call_command("saga", "list", "--limit", "200", stdout=out)
    assert len(out.getvalue().splitlines()) == len(broken)
    done = engine.operate_on_many(sorted(broken), Pause(by="x", reason="y"))
    assert done.done >= len(GOOD)
    assert not set(done.refused) & GOOD
    for verb in (engine.preview, lambda saga_id: engine.resume(saga_id, by="x")):
        with pytest.raises(OperationRefused, match="bad-0 can't be read by this code"):
            verb("bad-0")


def test_the_others_are_in_the_admin_and_the_api(broken: dict[str, int]) -> None:
    root = get_user_model().objects.create_superuser("root@example.com", password="secret")
    client = Client()
    client.force_login(root)
    assert client.get("/admin/sagas/sagaexecution/").status_code == 200
    listed = client.get("/api/v1/sagas?limit=200")
    assert {each["saga_id"] for each in listed.json()["sagas"]} == broken.keys()
    for saga_id, execution_id in broken.items():
        if saga_id not in GOOD:
            page = client.get(f"/admin/sagas/sagaexecution/{execution_id}/change/")
            assert page.status_code == 200, saga_id
            assert client.get(f"/api/v1/sagas/{saga_id}").status_code == 200, saga_id


class NoDelay(Retry):
    def delay(self, attempt: int, key: str) -> Any:
        raise RuntimeError("no delay")


def test_a_policy_that_raises_stops_no_other(define: Any, committed: Any) -> None:
    define(Saga("odd", [SagaStep("a", lambda _: None, retry=NoDelay())]))
    odd, good = engine.start("odd", {}).execution_id, engine.start("shop", {}).execution_id
    for execution_id, step in ((odd, "a"), (good, "reserve")):
        assert engine.claim(execution_id, step, Direction.ACTION, 0)
        pass_time(execution_id, hours=1)
    assert engine.wake(10) == 2
    assert row(good).steps["reserve"]["status"] == "scheduled"
    assert engine.wake(10) == 0


def test_an_execution_that_the_database_refuses_stops_no_other(
    define: Any, committed: Any, caplog: Any
) -> None:
    """As for one whose children take PostgreSQL longer than its statement timeout."""

    def too_slow(context: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)")

    define(Saga("part", [SagaStep("a", lambda _: None)], validate=too_slow))
    define(Saga("slow", [Sleep("night", 600), SubSaga("part")]))
    slow, good = engine.start("slow", {}).execution_id, engine.start("shop", {}).execution_id
    engine.claim(good, "reserve", Direction.ACTION, 0)
    for execution_id in (slow, good):
        pass_time(execution_id, hours=1)
    engine.wake(10)
    assert row(slow).steps["night"]["status"] == "waiting", "it is tried again later"
    assert row(good).steps["reserve"]["status"] == "scheduled"


def test_a_database_that_does_not_answer_is_no_fault_of_a_row(monkeypatch: Any) -> None:
    """The loop begins again, instead of putting off all that is due."""
    started = engine.start("shop", {})
    pass_time(started.execution_id, hours=1)
    before = row(started.execution_id).wake_at

    def gone(*_: Any, **__: Any) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr("sagas.engine.waking.executions.lock_those_free", gone)
        with pytest.raises(OperationalError):
            engine.wake(10)
    assert row(started.execution_id).wake_at == before
