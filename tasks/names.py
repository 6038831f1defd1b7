"""What the Celery task of a step is called, and where its messages go."""

from celery import current_app

from sagas import engine
from sagas.machine import Direction


def task_name(saga_type: str, step: str, direction: Direction) -> str:
    """The name of the Celery task that runs one direction of one step."""
    name = f"{saga_type}.{step}"
    return name if direction is Direction.ACTION else f"{name}.compensate"


def name_of(work: engine.Work) -> str:
    """Of its task."""
    return task_name(work.definition.saga_type, work.step, work.direction)


def queue_of(name: str, queue: str | None) -> str | None:
    """The queue that Celery's own router sends a task to, whose step asks for `queue`; None if it
    sends it to an exchange, behind which there may be any number of them."""
    options = current_app.amqp.router.route({"queue": queue}, name)
    return options["queue"].name if "queue" in options else None
