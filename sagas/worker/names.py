"""What the Celery task of a step is called, and where its messages go."""

from celery import Task, current_app

from sagas import engine
from sagas.conf import conf
from sagas.machine import Direction


def task_name(saga_type: str, step: str, direction: Direction) -> str:
    """The name of the Celery task that runs one direction of one step."""
    name = f"{saga_type}.{step}"
    return name if direction is Direction.ACTION else f"{name}.compensate"


def name_of(work: engine.Work) -> str:
    """Of its task."""
    return task_name(work.definition.saga_type, work.step, work.direction)


def engine_queue() -> str:
    """The engine's own queue: the project's default one is shared with workers of other code, which
    drop what they don't know (R28)."""
    return str(conf.QUEUE)


def asked_queue(name: str, queue: str | None, task: Task | None = None) -> str | None:
    """What to ask Celery's router for: the `queue` of a task's step; None if `task_routes` says
    where it goes; else the engine's own."""
    if queue is not None:
        return queue
    route = current_app.amqp.router.lookup_route(name, (), {}, {}, task) or {}
    says_where = isinstance(route, str) or {"queue", "exchange", "routing_key"} & route.keys()
    return None if says_where else engine_queue()


def queue_of(name: str, queue: str | None) -> str | None:
    """The queue that Celery's own router sends a task to, whose step asks for `queue`; None if it
    sends it to an exchange, behind which there may be any number of them."""
    options = current_app.amqp.router.route({"queue": asked_queue(name, queue)}, name)
    return options["queue"].name if "queue" in options else None


def consume_engine_queue() -> None:
    """Has the workers of this project take from the engine's queue, too, but for those that are
    started with a list of queues (`-Q`)."""
    queues, name = current_app.amqp.queues, engine_queue()
    queues.select_add(queues.get(name) or queues.new_missing(name))
