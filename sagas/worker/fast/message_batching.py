"""Messages that wait in a worker for a process: those for one quick step go to it together.

What they tell of goes in step there (`sagas.worker.fast.batch`), which takes a fraction of what
they would take one by one. Each is acknowledged, revoked, and seen by Flower as the task that it
is.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from celery import bootsteps
from celery.exceptions import TaskRevokedError
from celery.worker.request import Request

from sagas.broker.internals import write_to_processes
from sagas.conf import conf
from sagas.worker.fast.latency import is_quick
from sagas.worker.hints import NO_OTHER_HINTS, TOGETHER, HintTarget
from sagas.worker.step_request import StepRequest

ENOUGH: Final = 16
"""Messages for quick steps, one after the other, after which more of them are expected."""

SUCCESSION: Final = 0.003
"""Seconds. What follows a message for another saga so soon waits for the next one, though a process
is free: from Redis they come one by one. A saga that is alone never waits."""

LINGER: Final = 0.02
"""Seconds for which a message does so at most."""

Key = tuple[str, str | None]
"""A task, and the queue that its step asks for."""


@dataclass
class Group:
    """Messages that go to one process, and how many sagas they tell of. `lingers_until` is by
    `time.monotonic`."""

    requests: list[StepRequest]
    sagas: int
    lingers_until: float


class WaitTogether(bootsteps.StartStopStep):
    """For pools whose main process hands each message to a process that is free.

    While only quick steps come, the worker takes more messages ahead than Celery's
    `worker_prefetch_multiplier` says. What is slow is better left on the queue, where any worker
    may take it.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._consumer = parent
        self._semaphore = parent.controller.semaphore
        self._open: dict[Key, Group] = {}
        self._last_at, self._last_of = 0.0, 0
        self._quick_in_a_row = self._taken_ahead = 0
        self._alone: Callable[[Request], object] = parent.on_task_request
        if conf.FAST and self._semaphore is not None and parent.pool.uses_semaphore:
            parent.on_task_request = self._receive

    def start(self, parent: Any) -> None:
        """With each connection to the broker, which hands out anew what was not acknowledged."""
        self._open.clear()
        self._quick_in_a_row = self._taken_ahead = 0

    def _receive(self, request: Request) -> None:
        comes_quick = isinstance(request, StepRequest) and is_quick(request.name)
        self._take_ahead(are_quick=comes_quick)
        queue, told = request.movable if comes_quick else NO_OTHER_HINTS
        if not told:
            self._alone(request)
            return
        follows = self._note(told[0])
        key, sagas = (request.name, queue), len(told)
        group = self._open.get(key)
        if group is not None and group.sagas + sagas <= TOGETHER:
            group.requests.append(request)
            group.sagas += sagas
            return
        self._open[key] = group = Group([request], sagas, self._last_at + follows * LINGER)
        self._linger(key, group)

    def _note(self, own: HintTarget) -> bool:
        """Notes that a message came; whether right after one for another saga."""
        before, self._last_at = self._last_at, time.monotonic()
        last_of, self._last_of = self._last_of, own.execution_id
        return last_of != own.execution_id and self._last_at - before < SUCCESSION

    def _linger(self, key: Key, group: Group) -> None:
        """Waits for more of them, while they come; then for a process."""
        now, until = time.monotonic(), min(self._last_at + SUCCESSION, group.lingers_until)
        if now < until and group.sagas < TOGETHER and self._open.get(key) is group:
            self._consumer.hub.call_later(until - now, self._linger, key, group)
        else:
            self._semaphore.acquire(self._hand_over, key, group)

    def _hand_over(self, key: Key, group: Group) -> None:
        """To a process that is free. The group is closed then."""
        if self._open.get(key) is group:
            del self._open[key]
        requests = [each for each in group.requests if not each.revoked()]
        try:
            if not requests:
                raise TaskRevokedError
            first, *others = requests
            first.take_along(others)
            first.execute_using_pool(self._consumer.pool)
        except TaskRevokedError:
            self._semaphore.release()
        else:
            # Before it does, Kombu asks Redis for more: that is a twentieth of what a saga takes
            # that is alone.
            write_to_processes(self._consumer.pool, self._consumer.hub)

    def _take_ahead(self, *, are_quick: bool) -> None:
        qos = self._consumer.qos
        if not are_quick:
            qos.decrement_eventually(self._taken_ahead)
            self._quick_in_a_row = self._taken_ahead = 0
            return
        self._quick_in_a_row += 1
        if self._quick_in_a_row >= ENOUGH and not self._taken_ahead:
            before = qos.value  # it may have a limit
            more = self._consumer.pool.num_processes * TOGETHER
            self._taken_ahead = qos.increment_eventually(more) - before
