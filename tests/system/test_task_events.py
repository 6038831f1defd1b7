"""What Flower is told of the tasks that no message was sent for, as Flower takes it."""

from tests.system.running import Heard, Running, hear_tasks

BEGUN = {"task-received", "task-started"}
ENDED = {
    "slow.a": BEGUN | {"task-succeeded"},
    "slow.b": BEGUN | {"task-failed"},
    "slow.a.compensate": BEGUN | {"task-succeeded"},
}


def test_each_step_that_ran_on_is_seen_as_a_task(running: Running) -> None:
    started: list[str] = []

    def kinds(heard: Heard) -> dict[str, set[str]]:
        """Of the saga's tasks, by their names."""
        return {
            event["name"]: {each["type"] for each in events}
            for events in heard.values()
            for event in events
            if event["type"] == "task-received" and started[0] in event["args"]
        }

    heard = hear_tasks(
        running,
        lambda: started.append(running.start("slow", {"b": "reject"})),
        lambda heard: kinds(heard) == ENDED,
    )
    assert all("@" in event["hostname"] for events in heard.values() for event in events)
