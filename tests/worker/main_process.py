"""A worker's main process, of Celery's and Kombu's own parts, without its processes and broker."""

import time
from types import SimpleNamespace
from typing import Any

from celery import current_app
from celery.worker import state
from celery.worker.request import Request
from kombu.asynchronous import Hub
from kombu.asynchronous.semaphore import LaxBoundedSemaphore
from kombu.common import QoS
from kombu.message import Message

from sagas.worker.fast.message_batching import WaitTogether
from sagas.worker.hints import HintTarget, OtherHints, header, others_in
from sagas.worker.step_request import StepRequest

PROCESSES = 2
PREFETCH = 2
LIMIT = 5.0


class Pool:
    """Of processes: what each of them is handed."""

    uses_semaphore = True
    num_processes = PROCESSES

    def __init__(self) -> None:
        self.handed: list[dict[str, Any]] = []

    def apply_async(self, target: Any, args: Any, **callbacks: Any) -> None:
        name, task_id, request, *_ = args
        self.handed.append({"id": task_id, "name": name, "request": request, **callbacks})


class Main:
    """A worker's main process with so many of its processes `free`; `release` adds one."""

    def __init__(self, free: int = 0) -> None:
        self.pool, self.hub, self.acknowledged = Pool(), Hub(), list[str]()
        self.qos = QoS(lambda prefetch_count: None, PREFETCH)
        self.semaphore = LaxBoundedSemaphore(PROCESSES)
        self.semaphore.value = free
        self.consumer = SimpleNamespace(
            controller=SimpleNamespace(semaphore=self.semaphore),
            on_task_request=self._alone,
            pool=self.pool,
            hub=self.hub,
            qos=self.qos,
        )
        self.step = WaitTogether(self.consumer)
        self.step.start(self.consumer)

    def _alone(self, request: Request) -> None:
        """What Celery does with each."""
        self.semaphore.acquire(request.execute_using_pool, self.pool)

    def receive(self, number: int, name: str = "shop.a", queue: str = "", **headers: Any) -> Any:
        """A message for an execution, as Celery's consumer hands it on."""
        task_id, told = f"id-{number}", HintTarget(number, 5, f"s-{number}")
        headers = {"id": task_id, "task": name, **header(OtherHints(queue, ()), told), **headers}
        request = StepRequest(
            Message(channel=None, delivery_tag=number, properties={}, delivery_info={}),
            on_ack=lambda *_: self.acknowledged.append(task_id),
            hostname="w@here",
            app=current_app,
            task=current_app.tasks[name],
            headers=headers,
            body=([number, 5], {}, {}),
            decoded=True,
        )
        state.task_reserved(request)
        self.consumer.on_task_request(request)
        return request

    def handed(self) -> list[list[int]]:
        """The executions that each process was told of."""
        return [[int(each["id"][3:]), *told_in(each)] for each in self.pool.handed]

    def turn_until_handed(self, count: int) -> None:
        deadline = time.monotonic() + LIMIT
        while len(self.pool.handed) < count:
            assert time.monotonic() < deadline
            time.sleep(self.hub.fire_timers(propagate=(Exception,)))


def told_in(handed: dict[str, Any]) -> list[int]:
    return [told.execution_id for told in others_in(handed["request"]).told]
