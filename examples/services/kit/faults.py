"""Misbehaviour on demand, around the application and not in it.

It sits at the ASGI level because only there can a connection be closed without an answer, and can a
request be late without holding a thread, a transaction or a connection to the database.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable

from asgiref.sync import sync_to_async
from asgiref.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPScope,
    Scope,
)
from django.db import connection
from django.http import JsonResponse

from examples.services.kit.models import Fault

# The addresses by which a service is watched and controlled; a fault never touches them.
SPARED_PATHS = frozenset({"/health", "/ledger", "/faults"})


class FaultInjection:
    """An ASGI application that passes requests on to another, mistreated as the faults ask.

    At most one fault fires for a request: the oldest that matches, is active and wins its draw.
    The server must put a callable "drop", which closes the connection, into the scope's state.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Handle one request; hang up on it if the server stops before it is done."""
        if scope["type"] != "http" or scope["path"] in SPARED_PATHS:
            await self.app(scope, receive, send)
            return
        try:
            await self.mistreat(scope, receive, send)
        except asyncio.CancelledError:
            await hang_up(scope, receive)

    async def mistreat(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Find the fault that fires for this request, if any, and do as it says."""
        body = await read_body(receive)
        if body is None:
            return  # the caller hung up in the middle of the request: there is nothing to do
        inner_receive = replay(body)
        # Not thread-sensitive: all requests would queue for the one thread that such calls share.
        find = sync_to_async(find_fault, thread_sensitive=False)
        fault = await find(scope["path"], key_in(scope))
        if fault is None:
            await self.app(scope, inner_receive, send)
            return
        if fault.when == "after":
            true_answer = await self.collect_answer(scope, inner_receive)
        await asyncio.sleep(fault.latency)
        if fault.answer is not None:
            await answer_instead(fault, scope, receive, send)
            return
        if fault.when == "before":
            true_answer = await self.collect_answer(scope, inner_receive)
        await send_all(true_answer, send)

    async def collect_answer(
        self, scope: HTTPScope, receive: ASGIReceiveCallable
    ) -> list[ASGISendEvent]:
        """Let the application handle the request, and keep what it would have sent."""
        events: list[ASGISendEvent] = []

        async def keep(event: ASGISendEvent) -> None:
            events.append(event)

        await self.app(scope, receive, keep)
        return events


def find_fault(path: str, key: str) -> Fault | None:
    """The fault that fires for this request, already counted, or None."""
    try:
        for fault in Fault.objects.order_by("pk"):
            strikes = random.random() < fault.probability  # noqa: S311  (a fault, no secret)
            if fault.matches(path, key) and strikes and fault.fire():
                return fault
        return None
    finally:
        connection.close()  # back to the pool, which this thread may never need again


def key_in(scope: HTTPScope) -> str:
    """The request's idempotency key, well-formed or not; "" if it has none."""
    return dict(scope["headers"]).get(b"idempotency-key", b"").decode("latin-1")


async def read_body(receive: ASGIReceiveCallable) -> bytes | None:
    """The whole body of a request, or None if the caller hung up before its end."""
    body = b""
    while True:
        event = await receive()
        if event["type"] != "http.request":
            return None
        body += event["body"]
        if not event["more_body"]:
            return body


def replay(body: bytes) -> ASGIReceiveCallable:
    """A `receive` that gives this body, and never tells that the caller has gone.

    So a request that is late lands all the same, after its caller has given up: the case that
    makes idempotency keys and tombstones necessary.
    """
    events: list[ASGIReceiveEvent] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> ASGIReceiveEvent:
        if events:
            return events.pop()
        never: asyncio.Future[ASGIReceiveEvent] = asyncio.get_running_loop().create_future()
        return await never

    return receive


async def answer_instead(
    fault: Fault, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
) -> None:
    """Give the fault's answer, or none and close the connection."""
    if fault.answer == "drop":
        await hang_up(scope, receive)
        return
    message = f"Fault {fault.pk} answered {fault.when} the effect: clear it with DELETE /faults."
    response = JsonResponse({"error": "injected_fault", "message": message})
    await send_all(
        [
            {
                "type": "http.response.start",
                "status": fault.answer,
                "headers": [(b"content-type", b"application/json")],
                "trailers": False,
            },
            {"type": "http.response.body", "body": response.content, "more_body": False},
        ],
        send,
    )


async def hang_up(scope: HTTPScope, receive: ASGIReceiveCallable) -> None:
    """Close the connection without an answer."""
    scope["state"]["drop"]()
    # Until the server has noticed; to return any earlier would make it answer with a 500.
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_all(events: Iterable[ASGISendEvent], send: ASGISendCallable) -> None:
    """Send the events in their order."""
    for event in events:
        await send(event)
