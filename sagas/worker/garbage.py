"""Workers survive whatever is on their queues (R24): what is no message of a task is dropped.

Celery (read in 5.5 to 5.7) trusts a message's headers: one that is not as Celery itself writes it
raises in the main process, and ends it. So they are looked at first. What is on a Redis list and
no message at all is dropped below (`sagas.broker.garbage`).
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

from celery import bootsteps
from celery.signals import worker_shutdown
from celery.utils.log import get_logger

from sagas.broker.garbage import DropCounter, drop_garbage, of_connection, reason

logger = get_logger(__name__)

NAME_LENGTH: Final = 255
"""Characters of an id or a name: what django-celery-results has room for."""

REPR_LENGTH: Final = 100_000
"""Characters of the arguments as Flower shows them. Celery cuts its own at 1,024."""

HEADERS: Final = 100
"""Headers of a message. Celery writes about twenty."""

dropped: Final = DropCounter("the workers' queues")


class NoTask(ValueError):
    """A message that is not as Celery writes those of tasks."""


class DropGarbage(bootsteps.StartStopStep):
    """Stands between a worker's connection and what Celery does with a message."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._consumer = parent
        create = parent.create_task_handler
        parent.create_task_handler = lambda *given, **named: self._guarded(create(*given, **named))
        parent.on_decode_error = self._drop
        parent.on_unknown_message = lambda body, message: self._drop(message, NoTask("no task"))
        parent.on_invalid_task = lambda body, message, error: self._drop(message, error)

    def register_with_event_loop(self, parent: Any, hub: Any) -> None:
        """With each connection to the broker, once all steps have their channels."""
        for channel in getattr(parent.connection.connection, "channels", None) or ():
            drop_garbage(channel, dropped)

    def _guarded(self, receive: Callable[[Any], object]) -> Callable[[Any], None]:
        errors = of_connection(self._consumer.connection_errors)

        def take(message: Any) -> None:
            try:
                check(message)
                receive(message)
            except errors:
                raise
            except Exception as error:
                self._drop(message, error)

        return take

    def _drop(self, message: Any, error: Exception) -> None:
        dropped(reason(error))
        if not message.acknowledged:
            message.reject_log_error(logger, self._consumer.connection_errors)


def check(message: Any) -> None:
    """Raises `NoTask`, or what Kombu raises for a body that can't be read, for a message that is
    not as Celery writes those of tasks, by either of its protocols."""
    headers = message.headers
    if not isinstance(headers, dict) or len(headers) > HEADERS:
        raise NoTask("it has no headers, or too many")
    payload = message.payload
    if isinstance(payload, dict) and _is_call([payload.get("args"), payload.get("kwargs"), None]):
        _check_fields(payload | headers)  # protocol 1: all of it is in the body
    elif _is_call(payload):
        _check_fields(headers)
    else:
        raise NoTask("its body is not (args, kwargs, others)")


def _is_call(payload: object) -> bool:
    match payload:
        case [[*_], {}, {} | None]:
            return True
        case _:
            return False


def _check_fields(fields: Mapping[str, Any]) -> None:
    for name, is_fit in _FITS.items():
        if not is_fit(fields.get(name)):
            raise NoTask(f"its {name} is invalid")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= NAME_LENGTH


def _is_name_if_any(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= NAME_LENGTH)


def _is_text_if_any(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= REPR_LENGTH)


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and isfinite(value) and value >= 0  # type: ignore[arg-type, operator]


def _is_time_if_any(value: object) -> bool:
    return _is_name_if_any(value) or _is_number(value)


def _are_limits(value: object) -> bool:
    match value:
        case None:
            return True
        case [hard, soft]:
            return all(each is None or _is_number(each) for each in (hard, soft))
        case _:
            return False


_FITS: Final[dict[str, Callable[[object], bool]]] = {
    "task": _is_name,
    "id": _is_name,
    **dict.fromkeys(("shadow", "root_id", "parent_id", "group", "eta", "origin"), _is_name_if_any),
    **dict.fromkeys(("argsrepr", "kwargsrepr"), _is_text_if_any),
    "expires": _is_time_if_any,
    "timelimit": _are_limits,
    "retries": lambda value: value is None or _is_number(value),
    "ignore_result": lambda value: value is None or isinstance(value, bool),
    "stamped_headers": lambda value: value is None or _are_names(value),
    "stamps": lambda value: value is None or isinstance(value, dict),
}


def _are_names(value: object) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_name, value))


@worker_shutdown.connect
def _tell_the_last(**_: object) -> None:
    dropped.tell()
