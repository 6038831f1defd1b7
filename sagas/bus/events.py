"""`on_event`: what an app's `handlers.py` listens to.

::

    from sagas.bus.events import Event, on_event

    @on_event("order_processing.saga.completed")
    def thank(event: Event) -> None:
        Thanks.objects.create(saga_id=event.body["saga_id"])
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.utils.module_loading import autodiscover_modules

from sagas.bus.models import HANDLER_LENGTH

MAX_TRIES: Final = 8
"""Tries of one event, the first included. With the pauses between them about two minutes: a
restart of whatever the handler needs is over by then."""

_PATTERN: Final = re.compile(r"(\*|#|[\w-]+)(\.(\*|#|[\w-]+))*", re.ASCII)
_NAME: Final = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Event:
    """`body` is the whole JSON object that was sent: of a saga's event `docs/events.schema.json`,
    as it stands in the database; of another service's, whatever that has, and `id`."""

    id: str
    routing_key: str
    body: Mapping[str, Any]
    is_of_a_saga: bool = False

    @property
    def noted_as(self) -> str:
        """What it is known by once it was handled. Nobody else's id can pass for that of a saga's
        event, and have it taken for a repeat."""
        return self.id if self.is_of_a_saga else f"~{self.id}"

    @property
    def data(self) -> Any:
        """What the body has under `data`."""
        return self.body.get("data")


@dataclass(frozen=True, slots=True)
class Handler:
    """A function and the routing keys that it is called for. Its queue is named after it."""

    name: str
    function: Callable[[Event], object]
    patterns: tuple[str, ...]
    exchange: str
    atomic: bool
    max_tries: int

    def wants(self, routing_key: str) -> bool:
        """Whether one of its patterns matches. A queue keeps the patterns of older code, too."""
        key = routing_key.split(".")
        return any(_matches(pattern.split("."), key) for pattern in self.patterns)


class Handlers:
    """Those that are known to this process."""

    def __init__(self) -> None:
        self._by_name: dict[str, Handler] = {}

    def add(self, handler: Handler) -> None:
        """Raises ValueError for what can't be a handler, or a name that is taken."""
        for pattern in handler.patterns:
            if not _PATTERN.fullmatch(pattern):
                raise ValueError(
                    f"{pattern!r} is not a pattern: use words, * or #, separated by dots."
                )
        if not handler.patterns or handler.max_tries < 1:
            raise ValueError(f"{handler.name}: name at least one pattern, and allow one try.")
        if not _NAME.fullmatch(handler.name) or len(handler.name) > HANDLER_LENGTH:
            raise ValueError(f"{handler.name!r} can't be a queue's name: give it another, name=….")
        known = self._by_name.setdefault(handler.name, handler)
        if known.function is not handler.function:
            raise ValueError(f"Two handlers are called {handler.name!r}: give one another name=….")

    def find(self, name: str) -> Handler | None:
        """The handler of that name, if it is known."""
        return self._by_name.get(name)

    def discover(self) -> None:
        """Imports the `handlers.py` of every installed app."""
        autodiscover_modules("handlers")

    def __iter__(self) -> Iterator[Handler]:
        return iter(list(self._by_name.values()))


handlers = Handlers()

F = TypeVar("F", bound=Callable[[Event], object])


def on_event(
    *patterns: str,
    name: str = "",
    exchange: str = "",
    atomic: bool = True,
    max_tries: int = MAX_TRIES,
) -> Callable[[F], F]:
    """Calls the function for each event whose routing key matches a pattern (`*` is one word, `#`
    any number of them), at the bus's own exchange or the named one.

    In one transaction with the note that it was handled: what it writes is there once. With
    `atomic=False` it runs outside of any, is noted after it, and may be called again if its process
    dies in between: for what can't be in a transaction, and does no harm the second time.

    `name` is by default where it stands. Its queue goes by it: after a change of name the old queue
    is nobody's, and fills.
    """

    def register(function: F) -> F:
        own = name or f"{function.__module__}.{function.__qualname__}"
        handlers.add(Handler(own, function, patterns, exchange, atomic, max_tries))
        return function

    return register


def _matches(pattern: list[str], key: list[str]) -> bool:
    """As a topic exchange does (AMQP 0-9-1, 3.1.3.3)."""
    if not pattern:
        return not key
    head, rest = pattern[0], pattern[1:]
    if head == "#":
        return any(_matches(rest, key[n:]) for n in range(len(key) + 1))
    return bool(key) and head in ("*", key[0]) and _matches(rest, key[1:])
