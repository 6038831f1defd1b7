"""From events to what the terminal shows, and from ledgers to a verdict."""

from datetime import UTC, datetime
from functools import reduce
from typing import Any

import pytest

from examples.demo.ledgers import Entry, sums
from examples.demo.orders_file import SampleOrder
from examples.demo.progress import Mark, Progress, fold
from examples.demo.verdict import judge

HintTarget = tuple[str, str | None, str | None]


def events(*told: HintTarget) -> list[dict[str, Any]]:
    """Events of these types, steps and directions, one second apart."""
    return [
        {
            "seq": seq,
            "type": kind,
            "step": step,
            "direction": direction,
            "attempt": 1 if step else None,
            "at": f"2026-01-01T00:00:{seq:02}+00:00",
            "data": {},
        }
        for seq, (kind, step, direction) in enumerate(told, start=1)
    ]


WAY_BACK = events(
    ("saga.started", None, None),
    ("step.scheduled", "process_payment", "action"),
    ("saga.running", None, None),
    ("step.claimed", "process_payment", "action"),
    ("step.retrying", "process_payment", "action"),
    ("step.claimed", "process_payment", "action"),
    ("step.failed", "process_payment", "action"),
    ("saga.compensating", None, None),
    ("step.scheduled", "process_payment", "compensation"),
    ("step.claimed", "process_payment", "compensation"),
    ("step.late", "process_payment", "action"),
    ("step.succeeded", "process_payment", "compensation"),
    ("saga.compensated", None, None),
)


def test_each_event_moves_the_mark_of_its_step() -> None:
    marks = []
    progress = Progress()
    for event in WAY_BACK:
        progress = fold(progress, event)
        marks.append(progress.step("process_payment").mark)
    assert marks == [
        Mark.PENDING,
        Mark.SCHEDULED,
        Mark.SCHEDULED,
        Mark.RUNNING,
        Mark.RETRYING,
        Mark.RUNNING,
        Mark.FAILED,
        Mark.FAILED,
        Mark.COMPENSATING,
        Mark.COMPENSATING,
        Mark.COMPENSATING,  # a late result changes nothing
        Mark.COMPENSATED,
        Mark.COMPENSATED,
    ]


def test_the_end_of_the_fold() -> None:
    progress = reduce(fold, WAY_BACK, Progress())
    step = progress.step("process_payment")
    assert (progress.status, progress.has_ended, progress.last_seq) == ("compensated", True, 13)
    assert (step.attempts, step.compensation_attempts) == (2, 1)
    assert progress.seconds(datetime(2030, 1, 1, tzinfo=UTC)) == 12.0
    assert progress.step("create_order").mark is Mark.PENDING


def test_an_event_told_twice_counts_once() -> None:
    twice = [event for event in WAY_BACK for _ in range(2)]
    assert reduce(fold, twice, Progress()) == reduce(fold, WAY_BACK, Progress())


def test_a_failed_saga_that_a_person_sets_going_again_has_not_ended() -> None:
    stopped = events(("saga.started", None, None), ("saga.failed", None, None))
    progress = reduce(fold, stopped, Progress())
    again = fold(progress, {**WAY_BACK[2], "seq": 3})
    assert progress.has_ended
    assert (again.status, again.has_ended, again.ended) == ("running", False, None)


ORDER = SampleOrder.model_validate(
    {
        "id": "o",
        "expect": "completed",
        "why": "-",
        "context": {
            "user_id": "alice",
            "items": [{"sku": "book", "quantity": 2}],
            "amount_cents": 100,
            "currency": "EUR",
            "card": "visa",
        },
    }
)


def entry(service: str, saga_id: str, kind: str, subject: str, amount: int) -> Entry:
    return Entry(service, saga_id, kind, subject, amount, datetime(2026, 1, 1, tzinfo=UTC))


DONE = [
    entry("inventory", "o", "reserve", "book", -2),
    entry("payments", "o", "charge", "alice", 100),
    entry("orders", "o", "place", "ord_1", 1),
    entry("notifications", "o", "send", "alice", 1),
]
UNDONE = [
    entry("inventory", "o", "release", "book", 2),
    entry("payments", "o", "refund", "alice", -100),
    entry("orders", "o", "cancel", "ord_1", -1),
]


def verdict(expect: str, status: str, entries: list[Entry]) -> list[str]:
    """What is wrong with an order that ended with `status` and left these entries."""
    order = ORDER.model_copy(update={"expect": expect})
    steps = [{"name": "a", "error": None}, {"name": "b", "error": {"message": "no answer"}}]
    saga = {"status": status, "steps": steps}
    return judge(order, Progress(status=status), saga, entries)


def test_what_adds_up_is_right() -> None:
    assert verdict("completed", "completed", DONE) == []
    assert verdict("compensated", "compensated", DONE + UNDONE) == []
    assert verdict("compensated", "compensated", []) == []


@pytest.mark.parametrize("missing", range(4))
def test_each_effect_that_is_missing_is_found(missing: int) -> None:
    problems = verdict("completed", "completed", DONE[:missing] + DONE[missing + 1 :])
    assert len(problems) == 1
    assert DONE[missing].service in problems[0]


@pytest.mark.parametrize("missing", range(3))
def test_each_effect_that_was_not_undone_is_found(missing: int) -> None:
    undone = UNDONE[:missing] + UNDONE[missing + 1 :]
    [problem] = verdict("compensated", "compensated", DONE + undone)
    assert problem.startswith(UNDONE[missing].service)


def test_a_double_charge_is_found_though_the_sum_is_right() -> None:
    entries = [*DONE, *DONE[1:2], entry("payments", "o", "refund", "alice", -100)]
    assert verdict("completed", "completed", entries) == [
        "charge was done 2 times, under one idempotency key"
    ]


def test_another_end_than_expected_comes_with_its_reason() -> None:
    assert verdict("completed", "failed", []) == ["it is failed, expected completed; b: no answer"]


def test_an_order_that_was_never_sent_is_wrong() -> None:
    assert judge(ORDER, Progress(), None, []) == ["its saga was not started in time"]


def test_the_sums_of_each_kind() -> None:
    assert sums([*DONE, *DONE])["payments", "charge"] == (2, 200)
