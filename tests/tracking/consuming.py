"""The application's consumer of events, as a process."""

import sys

from sagas.devserver.child import Command


def consumer(env: dict[str, str]) -> Command:
    argv = [sys.executable, "manage.py", "saga", "consume"]
    return Command("consumer", argv, env, ready=lambda said: "Listening" in said)
