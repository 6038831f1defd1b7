"""What an item of a wide fan-out costs, counted: statements, and bytes that PostgreSQL writes."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection

from sagas import engine, listeners
from sagas.machine import ForEach, Parallel, Saga, SagaStep
from sagas.testing.clock import around_statements
from sagas.testing.workers import work_off
from tests.engine.driving import row

pytestmark = pytest.mark.django_db(transaction=True)

ITEM = {"sku": "a-1", "quantity": 3}


def reserve(context: Any) -> dict[str, Any]:
    return {"reservation": f"r-{context['index']}"}


def release(context: Any) -> None:
    pass


def written() -> int:
    """Bytes of the database's write-ahead log so far, whoever caused them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        return int(cursor.fetchone()[0])


def without_full_pages() -> None:
    """The first change of a page after a checkpoint logs all of it: noise that falls on whom it
    may. A test's server needs no such safety."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET full_page_writes = off")
        cursor.execute("SELECT pg_reload_conf()")


def costs(items: int, committed: Any) -> tuple[float, float]:
    """(statements, bytes written) for each of so many items, from start to end."""
    statements = 0

    def counting(execute: Any, *arguments: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*arguments)

    before = written()
    with around_statements(counting):
        started = engine.start("shop", {"items": [ITEM] * items})
        work_off(committed, most=20 * items + 100)
    found = row(started.execution_id)
    assert found.status == "completed"
    assert len(found.context["reserve"]) == items
    return statements / items, (written() - before) / items


@pytest.mark.parametrize("max_concurrency", [None, 8])
def test_an_item_of_a_thousand_costs_at_most_twice_one_of_ten(
    max_concurrency: int | None, define: Any, committed: Any
) -> None:
    without_full_pages()
    step = ForEach(
        "reserve",
        over="items",
        action=reserve,
        compensation=release,
        max_concurrency=max_concurrency,
    )
    define(Saga("shop", [step]))
    costs(10, committed)  # catalogue pages and caches
    few, many = costs(10, committed), costs(1000, committed)
    print(f"an item of ten: {few}, of a thousand: {many} (statements, bytes)")
    assert many[0] <= 2 * few[0]
    assert many[1] <= 2 * few[1]


def test_parallel_branches_do_not_wait_for_each_others_actions(define: Any, committed: Any) -> None:
    """Both branches are claimed, and the second goes on to its next step while the first runs."""
    define(
        Saga(
            "shop",
            [
                Parallel(
                    SagaStep("a", lambda _: None),
                    [SagaStep("b", lambda _: None), SagaStep("c", lambda _: None)],
                )
            ],
        )
    )
    started = engine.start("shop", {})
    held = {
        hint.step: engine.claim(started.execution_id, hint.step, hint.direction, hint.fence)
        for hint in committed[-1].hints
    }
    assert held.keys() == {"a", "b"}
    work = held["b"]
    assert work is not None
    engine.succeed(work, None)
    assert [hint.step for hint in committed[-1].hints] == ["c"]
    assert row(started.execution_id).steps["a"]["status"] == "running"


def test_s9_all_children_of_a_step_are_told_of_at_once(
    define: Any, committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What tells of many costs little more than what tells of one."""
    told: list[list[str]] = []

    def hear(transitions: Sequence[listeners.Committed]) -> None:
        told.append([each.saga_id for each in transitions])

    monkeypatch.setattr(listeners, "_listeners", [hear])
    define(Saga("shop", [ForEach("each", over="items", action=reserve)]))
    engine.start("shop", {"items": [ITEM] * 3}, saga_id="s")
    assert told == [["s~each.0", "s~each.1", "s~each.2"], ["s"]]
