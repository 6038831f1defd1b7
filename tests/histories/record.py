"""Plays a few sagas and keeps what the code of today writes of them:

    RECORD_AS=0.2.0 make test ARGS=tests/histories/record.py

makes `tests/histories/0.2.0/*.json`: columns of an execution's row, and its events. Commit them
once, with the release that changed what is written, and never write them anew: `test_histories`
holds every later code to them. Any other execution is kept by `save`, with its saga_id.

pytest does not collect this file unless it is named.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from sagas import engine
from sagas.machine import (
    Choice,
    Direction,
    Failure,
    FailureKind,
    FirstOf,
    ForEach,
    Parallel,
    Pivot,
    Poll,
    Remind,
    Repeat,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    WaitFor,
)
from sagas.models import SagaExecution
from sagas.registry import registry
from tests.engine.driving import claim, pass_time, row

FOLDER = Path(__file__).parent
LEFT_OUT = ["id", "owner_id", "parent_id", "root_id", "execution_id"]
"""Numbers of one database."""

pytestmark = pytest.mark.django_db(transaction=True)
ONCE = Retry(max_attempts=1)


def save(saga_id: str, name: str) -> None:
    """Keeps an execution as `name`.json of the recording RECORD_AS."""
    path = FOLDER / os.environ["RECORD_AS"] / f"{name}.json"
    assert not path.exists(), f"{path} is there: a history is recorded once"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(e) - %s::text[] FROM sagas_sagaexecution e WHERE saga_id = %s",
            [LEFT_OUT, saga_id],
        )
        execution = json.loads(cursor.fetchone()[0])
        cursor.execute(
            "SELECT to_jsonb(e) - %s::text[] FROM sagas_sagaevent e WHERE execution_id = "
            "(SELECT id FROM sagas_sagaexecution WHERE saga_id = %s) ORDER BY seq",
            [LEFT_OUT, saga_id],
        )
        events = [json.loads(data) for (data,) in cursor.fetchall()]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"execution": execution, "events": events}, indent=1) + "\n")


def writes(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda context: {name: {"of": context["saga_id"], "attempt": context["attempt"]}}


def step(name: str, **options: Any) -> SagaStep:
    options.setdefault("retry", Retry(max_attempts=2, backoff=0.1))
    return SagaStep(name, writes(name), writes(f"undo_{name}"), **options)


def start(define: Any, *steps: Any, **context: Any) -> int:
    define(Saga("shop", list(steps)))
    return engine.start("shop", {"order": 7, "note": "ä – ✓"} | context, saga_id="s").execution_id


def do(execution_id: int, *names: str, direction: Direction = Direction.ACTION) -> None:
    for name in names:
        work = claim(execution_id, name, direction)
        engine.succeed(work, work.run())


def fail(execution_id: int, name: str, kind: FailureKind, *directions: Direction) -> None:
    work = claim(execution_id, name, *directions)
    engine.fail(work, Failure(kind, "SomeError", "what it said"))


def test_completed(define: Any) -> None:
    saga = start(define, step("a"), Parallel([step("b"), step("c")], step("d")), step("e"))
    fail(saga, "a", FailureKind.UNREACHABLE)
    pass_time(saga, minutes=1)
    do(saga, "a", "d", "b", "c", "e")
    assert row(saga).status == "completed"
    save("s", "completed")


def test_turned_back(define: Any) -> None:
    """With a lost lease, a late report, and a compensation that is tried twice."""
    saga = start(define, step("a"), Parallel(step("b"), step("c")), step("d"))
    do(saga, "a", "b")
    slow = claim(saga, "c")
    pass_time(saga, minutes=10)
    engine.wake(10)
    engine.succeed(slow, {"c": "late"})
    pass_time(saga, minutes=10)
    do(saga, "c")
    fail(saga, "d", FailureKind.REJECTED)
    fail(saga, "c", FailureKind.UNKNOWN, Direction.COMPENSATION)
    pass_time(saga, minutes=10)
    do(saga, "b", "c", "a", direction=Direction.COMPENSATION)
    assert row(saga).status == "compensated"
    save("s", "turned_back")


def test_failed(define: Any) -> None:
    """A compensation gave up; another step was withdrawn before it was tried again."""
    saga = start(define, step("a", compensation_retry=ONCE), Parallel(step("b"), step("c")))
    do(saga, "a")
    fail(saga, "b", FailureKind.UNKNOWN)
    fail(saga, "c", FailureKind.REJECTED)
    do(saga, "b", direction=Direction.COMPENSATION)
    fail(saga, "a", FailureKind.REJECTED, Direction.COMPENSATION)
    assert row(saga).status == "failed"
    save("s", "failed")


def test_under_way(define: Any) -> None:
    """One step is claimed, one is due later."""
    saga = start(define, step("a"), Parallel(step("b"), step("c")), step("d"))
    do(saga, "a")
    claim(saga, "b")
    fail(saga, "c", FailureKind.UNREACHABLE)
    assert row(saga).status == "running"
    save("s", "under_way")


def test_waits(define: Any) -> None:
    """A signal that came early, one in time, a time that came, and one that is waited for."""
    waits = [WaitFor("paid"), WaitFor("checked", timeout=60), Sleep("rest", 60), Sleep("more", 60)]
    saga = start(define, step("a"), *waits)
    engine.signal("s", "paid", {"sum": 9}, by="bank")
    do(saga, "a")
    engine.signal("s", "checked", None, by="anna")
    pass_time(saga, minutes=5)
    engine.wake(10)
    assert row(saga).current_steps == ["more"]
    save("s", "waits")


def test_family(define: Any) -> None:
    """A parent that was cancelled, an item of it, and a child in the middle of its work."""
    undone: Any = {"action": writes("packed"), "compensation": writes("unpacked")}
    define(Saga("deliver", [step("drive"), step("ring")]))
    each = ForEach("pack", over="items", given=["order"], max_concurrency=2, **undone)
    saga = start(define, each, SubSaga("deliver", output=["drive"]), items=["x", "y", "z"])
    for number in range(3):
        do(engine_id(f"s~pack.{number}"), "each")
    child = engine_id("s~deliver")
    do(child, "drive")
    save("s~deliver", "child")
    engine.cancel("s", by="anna", reason="a mistake")
    pass_time(child, minutes=1)
    engine.wake(10)
    do(child, "drive", direction=Direction.COMPENSATION)
    for number in range(3):
        pass_time(engine_id(f"s~pack.{number}"), minutes=1)
    engine.wake(10)
    for number in range(3):
        do(engine_id(f"s~pack.{number}"), "each", direction=Direction.COMPENSATION)
    assert row(saga).status == "compensated"
    save("s", "family")
    save("s~pack.1", "item")


def engine_id(saga_id: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM sagas_sagaexecution WHERE saga_id = %s", [saga_id])
        found: int = cursor.fetchone()[0]
        return found


def test_operated(define: Any) -> None:
    """Everything that a person may do."""
    by = {"by": "anna", "reason": "she knows why"}
    later = SagaStep("later", writes("later"), retry=Retry(max_attempts=2, backoff=0.1))
    last = SagaStep("last", writes("last"), retry=Retry(max_attempts=2, backoff=60))
    saga = start(define, step("a"), Pivot("go", writes("go")), later, last)
    engine.pause("s", **by)
    engine.amend("s", {"order": 8}, **by)
    engine.resume("s", **by)
    engine.skip("s", "a", changes={"a": "by hand"}, **by)
    do(saga, "go")
    for _ in range(2):
        fail(saga, "later", FailureKind.UNKNOWN)
        pass_time(saga, minutes=1)
    assert row(saga).status == "failed"
    engine.retry("s", **by)
    do(saga, "later")
    fail(saga, "last", FailureKind.UNREACHABLE)
    engine.retry("s", "last", **by)
    do(saga, "last")
    assert row(saga).status == "completed"
    save("s", "operated")


def test_resolved(define: Any) -> None:
    saga = start(define, step("a", compensation_retry=ONCE), step("b"))
    do(saga, "a")
    engine.cancel("s", by="anna", reason="")
    fail(saga, "a", FailureKind.REJECTED, Direction.COMPENSATION)
    engine.resolve("s", "a", by="anna", reason="called the depot")
    assert row(saga).status == "compensated"
    save("s", "resolved")


def test_adopted(define: Any) -> None:
    """A step was added under the same version, before one that nobody had begun."""
    saga = start(define, step("a"), step("b"))
    do(saga, "a")
    registry._sagas["shop", 1] = Saga("shop", [step("a"), step("new"), step("b")])
    engine.adopt("s", by="anna", reason="she knows why", leave=["a"])
    do(saga, "new", "b")
    assert row(saga).status == "completed"
    save("s", "adopted")


def test_blocked(define: Any) -> None:
    """Another held the lock at first."""
    define(Saga("shop", [step("a")], locks=lambda context: ["till"]))
    first = engine.start("shop", {}, saga_id="first").execution_id
    saga = engine.start("shop", {}, saga_id="s").execution_id
    do(first, "a")
    engine.wake(10)
    do(saga, "a")
    assert row(saga).status == "completed"
    save("s", "blocked")


def test_constructs(define: Any) -> None:
    """A way that was taken, one that was not, the first of two waits, and an accepted refusal."""
    saga = start(
        define,
        Choice("route", "order", {7: step("a")}, otherwise=step("never")),
        step("gift", when="gift"),
        FirstOf("first", WaitFor("paid"), Sleep("late", until="at")),
        step("card"),
        step("z"),
        at="2100-01-01T00:00:00+01:00",
    )
    do(saga, "a")
    engine.signal("s", "paid", {"sum": 9}, by="bank")
    work = claim(saga, "card")
    engine.fail(work, Failure(FailureKind.REJECTED, "Declined", "no money"), accepted=True)
    do(saga, "z")
    assert row(saga).status == "completed"
    save("s", "constructs")


def test_rounds(define: Any) -> None:
    """At its third round; the second was paused, and its keys were amended before the third."""
    define(Saga("shop", [step("a"), Repeat("again", [step("b")], until="enough", most=4)]))
    saga = engine.start("shop", {"order": 7}, saga_id="s").execution_id
    do(saga, "a")
    for number in (1, 2):
        found = SagaExecution.objects.get(saga_id=f"s~again.{number}")
        work = claim(found.pk, "b")
        if number == 2:
            engine.pause("s", by="anna", reason="she looks at it")
        engine.succeed(work, work.run())
        if number == 2:
            engine.wake(10)  # the round is paused, too
            engine.resume(f"s~again.{number}", by="anna", reason="this one may end")
    engine.amend("s", {"note": "ä – ✓"}, by="anna", reason="she knows why")
    engine.resume("s", by="anna", reason="she has seen it")
    assert row(saga).steps["again"]["children"]["started"] == 3
    save("s", "rounds")
    save("s~again.3", "a_round")


def test_polled(define: Any) -> None:
    """One poll has its answer, and another was asked twice since its newest event."""
    saga = start(define, Poll("first", writes("first")), Poll("job", writes("job"), every=5))
    not_yet = Failure(FailureKind.LATER, "Later", "not yet")
    for name in ("first", "job", "job"):
        engine.fail(claim(saga, name), not_yet)
        pass_time(saga, minutes=2)
        if name == "first":
            do(saga, name)
    assert row(saga).steps["job"]["asks"] == 2
    save("s", "polled")


def test_collected(define: Any) -> None:
    """A wait that has collected what it waits for, one that still does, and keys of both."""
    saga = start(
        define,
        WaitFor("update", collect=True, until={"status": "delivered"}),
        step("a"),
        FirstOf("first", WaitFor("bid", collect=True, most=3), Sleep("late", until="at")),
        at="2100-01-01T00:00:00+01:00",
    )
    engine.signal("s", "update", {"status": "moving"}, key="evt-1", by="carrier")
    engine.signal("s", "bid", 5, by="bo")
    engine.signal("s", "update", {"status": "delivered"}, key="evt-2", by="carrier")
    do(saga, "a")
    engine.signal("s", "bid", 7, key="evt-1", by="cy")
    assert row(saga).options["collected"] == {"bid": [5, 7]}
    save("s", "collected")


def test_reminded(define: Any) -> None:
    """One reminder was started, another could not be, and the first wait has ended."""
    define(Saga("letter", [step("write")]))
    remind = Remind("letter", every=60, most=3)
    saga = start(define, WaitFor("paid", remind=remind), WaitFor("closed", remind=remind))
    pass_time(saga, minutes=2)
    engine.wake(10)
    engine.signal("s", "paid", 9, by="bank")
    del registry._sagas["letter", 1]
    pass_time(saga, minutes=2)
    engine.wake(10)
    assert row(saga).steps["closed"]["reminded"] == 1
    save("s", "reminded")


def test_grown(define: Any) -> None:
    """One list that grew, and was closed before it began; and one that still grows."""
    undone: Any = {"action": writes("packed"), "compensation": writes("unpacked")}
    first = ForEach("pack", over="items", grows_by="add", closes_by="no_more", **undone)
    more = ForEach("mend", over="broken", grows_by="break", closes_by="all_whole", **undone)
    saga = start(define, step("a"), first, more, items=["x"])
    engine.signal("s", "add", "y", key="evt-1", by="shop")
    engine.signal("s", "no_more", by="shop")
    do(saga, "a")
    for number in range(2):
        do(engine_id(f"s~pack.{number}"), "each")
    engine.signal("s", "break", "z", key="evt-1", by="shop")
    assert row(saga).steps["mend"]["children"]["open"] is True
    save("s", "grown")


def test_signals_to_rounds(define: Any) -> None:
    """One signal that a round took, one that was handed to the next, and one that is kept."""
    card = WaitFor("card")
    saga = start(define, Repeat("collect", [card, step("charge")], until="paid", most=4))
    engine.signal("s", "card", "no", key="evt-1", by="anna")
    engine.signal("s", "card", "never", key="evt-2", by="anna")
    do(engine_id("s~collect.1"), "charge")
    engine.signal("s", "card", "yes", key="evt-3", by="anna")
    assert row(saga).options["signals"] == {"card": "yes"}
    save("s", "signals_to_rounds")
    save("s~collect.2", "a_round_with_a_signal")
