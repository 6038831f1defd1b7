"""Which room of the house a stack of calls was in.

A stack is a line of py-spy's `raw` format: `outermost (file:line);…;innermost (file:line) count`,
with the files' paths as they are below the folder that Python imports them from.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

THREADS: Final = {
    "sagas/bus/relay": "relay",
    "sagas/live/push.py": "push",
    "sagas/worker/wake_loop.py": "wake loop",
}
"""Beside the steps: whatever they call is theirs."""

ROOMS: Final = {
    "sagas/machine/": "machine",
    "sagas/store/": "store",
    "sagas/worker/hints.py": "hints",
    "sagas/worker/": "tasks",
    "sagas/services/": "tasks",
    "sagas/live/": "push",
    "sagas/bus/": "push",
    "sagas/": "engine",
    "bench/": "action",
    "json/": "json",
    "orjson": "json",
    "msgspec": "json",
    "psycopg": "psycopg",
    "django/": "django",
    "kombu/": "kombu",
    "amqp/": "kombu",
    "redis/": "kombu",
    "vine/": "kombu",
    "celery/": "celery",
    "billiard/": "celery",
    "logging/": "logging",
}
"""By the beginning of a file's path; the first that fits, of the innermost call that is in any."""


def rooms(stacks: Iterable[str]) -> Counter[str]:
    """Samples by room."""
    found: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rstrip().rpartition(" ")
        if stack:
            found[room_of(stack.split(";"))] += int(count)
    return found


def room_of(calls: Iterable[str]) -> str:
    """Of one stack, the outermost call first."""
    files = [call.rpartition("(")[2] for call in calls]
    # A step hands its push to the thread that sends it: that much is the step's.
    if not any(file.startswith("sagas/worker/steps.py") for file in files):
        for part, name in THREADS.items():
            if any(file.startswith(part) for file in files):
                return name
    for file in reversed(files):
        for part, name in ROOMS.items():
            if file.startswith(part):
                return name
    return "Python"
