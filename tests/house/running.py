"""One step of one message, and one start, as they run in a worker and in a web process.

A worker runs the message of a saga's first step with inline execution off, and hints and pushes go
to a listener that does nothing. A saga of the same kind was run before, so that no cache is cold.
It is run as a file, so that it can count in another checkout, too: `python -P running.py ROOT`,
with ROOT in PYTHONPATH, prints JSON. The packages have changed their places: it takes those that
are there.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final
from uuid import uuid4

STEPS: Final = ("reserve", "charge", "ship")
MODULES: Final = {
    "names": ("sagas.worker.names", "tasks.names"),
    "steps": ("sagas.worker.steps", "tasks.steps"),
}


@dataclass(frozen=True)
class Crossings:
    """`files`: how many were entered; `moves`: how often a call led into another file than the one
    entered before; `calls`: of Python functions, all in all."""

    files: int
    moves: int
    calls: int


def crossings(call: Callable[[], object], root: Path) -> Crossings:
    """Runs `call` in this thread and counts the files below `root` that it runs through; tests and
    installed packages don't count."""
    prefix, skipped = f"{root}/", (f"{root}/tests/", "/site-packages/")
    entered: list[str] = []
    calls = 0

    def on_event(frame: FrameType, event: str, _: Any) -> None:
        nonlocal calls
        file = frame.f_code.co_filename
        if event != "call" or not file.startswith(prefix) or any(each in file for each in skipped):
            return
        calls += 1
        if not entered or entered[-1] != file:
            entered.append(file)

    sys.setprofile(on_event)
    try:
        call()
    finally:
        sys.setprofile(None)
    return Crossings(files=len(set(entered)), moves=len(entered), calls=calls)


def counted(root: Path) -> dict[str, Crossings]:
    """Needs Django set up and an empty database."""
    from sagas import Saga, SagaStep, engine, listeners
    from sagas.registry import registry

    saga = Saga("house", [SagaStep(name, _act, _act) for name in STEPS])
    registry.add(saga)
    listeners._listeners[:] = [lambda _: None]
    receive = _receiver(saga)

    def start() -> Any:
        return engine.start("house", {"quantity": 2})

    before = start().execution_id
    for step in STEPS:
        receive(before, step)
    started: list[Any] = []
    of_start = crossings(lambda: started.append(start()), root)
    of_step = crossings(lambda: receive(started[0].execution_id, STEPS[0]), root)
    return {"one step of one message": of_step, "engine.start": of_start}


def _act(context: dict[str, Any]) -> None:
    """What each step does, and what undoes it."""


def _receiver(saga: Any) -> Any:
    """What a worker's process does with the message of a step of an execution."""
    from celery import current_app
    from celery.app.trace import build_tracer

    from sagas.machine import Direction

    _module("steps").register_tasks([saga])
    task_name = _module("names").task_name
    for name, task in current_app.tasks.items():
        if name.startswith(f"{saga.saga_type}."):
            task.__trace__ = build_tracer(name, task, hostname="w@here", app=current_app)

    def receive(execution_id: int, step: str) -> None:
        name, task_id = task_name(saga.saga_type, step, Direction.ACTION), str(uuid4())
        request = {"id": task_id, "task": name, "hostname": "w@here", "delivery_info": {}}
        current_app.tasks[name].__trace__(task_id, (execution_id, 0), {}, request)

    return receive


def _module(what: str) -> ModuleType:
    for name in MODULES[what]:
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
    raise SystemExit(f"None of {', '.join(MODULES[what])} is there.")


if __name__ == "__main__":
    os.environ |= {"INLINE_STEPS": "1", "RUN_ON_STEPS": "1"}  # by its present and its old name
    import django

    django.setup()
    found = counted(Path(sys.argv[1]).resolve())
    print(json.dumps({name: asdict(each) for name, each in found.items()}))
