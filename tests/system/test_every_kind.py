"""Each kind of step in real workers, with real faults."""

from typing import Any
from uuid import uuid4

import pytest

from tests.system.running import Running

ITEMS = list(range(6))


def start(running: Running, script: dict[str, str] | None = None, **context: Any) -> str:
    saga_id = f"every-kind-{uuid4().hex[:12]}"
    context = {"script": script or {}, "items": ITEMS, "customer": saga_id, **context}
    body = {"saga_type": "every_kind", "saga_id": saga_id, "context": context}
    answer = running.post(body)
    assert answer.status_code == 201, answer.text
    return saga_id


def approve(running: Running, saga_id: str) -> None:
    path = f"sagas/{saga_id}/signals/approval"
    answer = running.request("POST", path, json={"payload": {"by": "the boss"}})
    assert answer.status_code == 200, answer.text


def family(running: Running, saga_id: str) -> dict[str, int]:
    """Status → how many members of the family."""
    found = running.sql(
        "SELECT status, count(*) FROM sagas_sagaexecution "
        "WHERE saga_id = %s OR saga_id LIKE %s GROUP BY status",
        saga_id,
        f"{saga_id}~%",
    )
    return dict(found)


def test_l3_each_kind_of_step_and_a_process_killed_in_each_item(running: Running) -> None:
    saga_id = start(running, {"each:1": "kill"})
    approve(running, saga_id)
    found = running.end_of(saga_id)
    assert found["status"] == "completed"
    assert family(running, saga_id) == {"completed": 2 + len(ITEMS)}
    assert found["context"]["approval"] == {"by": "the boss"}
    assert found["context"]["items_done"] == [{"each": 2}] * len(ITEMS)
    assert running.journal(f"{saga_id}~probe") == [f"{name} action 1" for name in "abc"]


def test_s6_a_tree_of_sagas_comes_back_in_its_reverse_order(running: Running) -> None:
    saga_id = start(running, {"last": "reject"})
    approve(running, saga_id)
    assert running.end_of(saga_id)["status"] == "compensated"
    assert family(running, saga_id) == {"compensated": 2 + len(ITEMS)}
    undone = running.sql(
        "SELECT x.saga_id, min(e.at) FROM sagas_sagaexecution AS x "
        "JOIN sagas_sagaevent AS e ON e.execution_id = x.id "
        "WHERE x.saga_id LIKE %s AND e.direction = 'compensation' GROUP BY x.saga_id ORDER BY 2",
        f"{saga_id}%",
    )
    order = [name for name, _ in undone if "~" in name]
    assert order[0] == f"{saga_id}~probe"
    assert set(order[1:]) == {f"{saga_id}~items_done.{number}" for number in ITEMS}
    assert running.journal(f"{saga_id}~probe")[-1] == "a compensation 1"


def test_r2_a_purged_queue_strands_no_child(running: Running) -> None:
    saga_id = start(running, {"each": "wait"})
    running.wait_for_call(f"{saga_id}~items_done.0", "each action 1")
    running.purge()
    for number in ITEMS:
        running.open_gate(f"{saga_id}~items_done.{number}", "each")
    approve(running, saga_id)
    assert running.end_of(saga_id)["status"] == "completed"


def test_a_lock_is_held_to_the_end_and_handed_on(running: Running) -> None:
    first = start(running, customer="anna")
    second = start(running, customer="anna")
    assert running.show(second)["blocked"]
    for saga_id in (first, second):
        approve(running, saga_id)
    assert running.end_of(second)["status"] == "completed"
    ended, began = (
        running.sql(
            "SELECT min(e.at) FROM sagas_sagaexecution AS x JOIN sagas_sagaevent AS e "
            "ON e.execution_id = x.id WHERE x.saga_id = %s AND e.type = %s",
            saga_id,
            event,
        )[0][0]
        for saga_id, event in ((first, "saga.completed"), (second, "step.scheduled"))
    )
    assert ended <= began


@pytest.mark.parametrize("items", [None, "abc"])
def test_bad_items_turn_the_saga_back(items: Any, running: Running) -> None:
    saga_id = start(running, items=items)
    assert running.end_of(saga_id)["status"] == "compensated"
    assert family(running, saga_id) == {"compensated": 1}
