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
    saga_id = ""

    def see(event: dict[str, Any]) -> None:
        task = event.get("uuid", "")
        if event["type"] == "task-received" and saga_id and saga_id in event["args"]:
            names[task] = event["name"]
        if task in names:
            kinds[names[task]].add(event["type"])
            assert "@" in event["hostname"]

    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": see})
        deadline = time.monotonic() + LIMIT
        for _ in receiver.itercapture(timeout=LIMIT, wakeup=False):
            assert time.monotonic() < deadline, kinds
            if not saga_id:  # whoever hears a heartbeat hears all that follows
                saga_id = running.start("slow", {"b": "reject"})
            if all(kinds[name] >= expected for name, expected in ENDED.items()):
                break
    assert len(names) == 3
