"""The application's consumer of events, as a process."""

import sys

from deploy.child import Command


def consumer(env: dict[str, str]) -> Command:
    argv = [sys.executable, "manage.py", "consume_events"]
    return Command("consumer", argv, env, ready=lambda said: "Listening" in said)
