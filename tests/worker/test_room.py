"""S14: what goes alone in a pool of threads, where others act in the same process."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection

from sagas.machine import SagaStep
from sagas.worker import room
from sagas.worker.room import Room
from tests.engine.driving import row
from tests.worker.test_alone import die
from tests.worker.test_others import started, statuses

LIMIT = 30.0


def in_a_thread(function: Callable[[], Any]) -> threading.Thread:
    def run() -> None:
        try:
            function()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_who_goes_alone_waits_for_the_others_and_they_for_it() -> None:
    place, events = Room(), list[str]()
    is_alone, may_end = threading.Event(), threading.Event()

    def go_alone() -> None:
        place.enter()
        place.be_alone()
        events.append("alone")
        is_alone.set()
        may_end.wait(LIMIT)
        events.append("no more")
        place.let_in()
        place.leave()

    def go_in() -> None:
        place.enter()
        events.append("beside")
        place.leave()

    place.enter()
    lone = in_a_thread(go_alone)
    while not place._is_taken:
        threading.Event().wait(0.001)
    others = [in_a_thread(go_in) for _ in range(3)]
    events.append("before")
    place.leave()
    assert is_alone.wait(LIMIT)
    may_end.set()
    for thread in (lone, *others):
        thread.join(LIMIT)
    assert events == ["before", "alone", "no more", *["beside"] * 3]


def test_several_that_go_alone_do_so_one_after_the_other() -> None:
    place, inside, most = Room(), list[int](), list[int]()

    def go_alone(number: int) -> None:
        place.enter()
        place.be_alone()
        inside.append(number)
        most.append(len(inside))
        inside.remove(number)
        place.let_in()
        place.leave()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(go_alone, range(64)))
    assert most == [1] * 64


def test_l2_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PATIENCE", 0.01)
    place = Room()
    place.enter()
    place.enter()
    place.be_alone()  # though another one is there
    place.enter()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("committed")
def test_a_thread_claims_together_but_for_what_goes_alone(worker: Any) -> None:
    claimed: list[tuple[str, bool]] = []

    def look(context: Any) -> None:
        [found] = [row(each) for each in ids if row(each).saga_id == context["saga_id"]]
        claimed.append((found.saga_id, found.steps["a"].get("together", False)))

    receive = worker([SagaStep("a", look)])
    ids = started(2)
    die(ids[0], "a")
    for execution_id, fence in zip(ids, (1, 0), strict=True):
        in_a_thread(partial(receive, execution_id, "a", fence)).join(LIMIT)
    assert claimed == [("s-0", False), ("s-1", True)]
    assert statuses(ids) == ["completed"] * 2
    assert (room.ROOM._inside, room.ROOM._is_taken) == (0, False)
