"""What Flower is told of the tasks that no message was sent for, as Flower takes it."""

import time
from collections import defaultdict
from typing import Any

from celery import Celery

from tests.system.running import LIMIT, Running

BEGUN = {"task-received", "task-started"}
ENDED = {
    "slow.a": BEGUN | {"task-succeeded"},
    "slow.b": BEGUN | {"task-failed"},
    "slow.a.compensate": BEGUN | {"task-succeeded"},
}


def test_each_step_that_ran_on_is_seen_as_a_task(running: Running) -> None:
    app = Celery(broker=running.env["CELERY_BROKER_URL"], set_as_current=False)
    names: dict[str, str] = {}
    kinds: dict[str, set[str]] = defaultdict(set)

    def see(event: dict[str, Any]) -> None:
        if event["type"].startswith("task-") and "uuid" in event:
            names[event["uuid"]] = event.get("name") or names.get(event["uuid"], "")
            kinds[names[event["uuid"]]].add(event["type"])
            assert "@" in event["hostname"]

    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": see})
        started = False
        deadline = time.monotonic() + LIMIT
        for _ in receiver.itercapture(timeout=LIMIT, wakeup=False):
            assert time.monotonic() < deadline, kinds
            if not started:  # whoever hears a heartbeat hears all that follows
                started = bool(running.start("slow", {"b": "reject"}))
            if all(kinds[name] >= expected for name, expected in ENDED.items()):
                break
    assert len(names) == 3
