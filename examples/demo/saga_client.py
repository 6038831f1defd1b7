"""The engine seen from outside: HTTP and the WebSocket, as any user's program would talk to it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Self

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from examples.demo.progress import ENDED

# One answer, in seconds; starting a saga takes milliseconds.
ANSWER_SECONDS = 15.0
# Between two tries to connect a WebSocket again, in seconds: long enough not to hammer a server
# that restarts, short enough not to be noticed.
RECONNECT_SECONDS = 0.5
# WebSocket close codes from here on belong to the application (RFC 6455 7.4.2).
FIRST_OWN_CODE = 4000


class UnexpectedAnswer(Exception):
    """The engine answered something else than its contract says."""


class SagaClient:
    """One user's connection; an async context manager. All waits are bounded but `follow`."""

    def __init__(self, base_url: str, token: str) -> None:
        self._headers = {"Authorization": f"Bearer {token}"}
        self._socket_url = base_url.replace("http", "ws", 1)
        self._http = httpx.AsyncClient(
            base_url=base_url, headers=self._headers, timeout=ANSWER_SECONDS, trust_env=False
        )

    async def __aenter__(self) -> Self:
        """Open."""
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        """Close."""
        await self._http.aclose()

    async def start(self, body: dict[str, Any]) -> None:
        """`POST /api/v1/sagas`. Raises UnexpectedAnswer unless a new saga was made."""
        answer = await self._http.post("/api/v1/sagas", json=body)
        if answer.status_code != httpx.codes.CREATED:
            raise UnexpectedAnswer(
                f"POST /api/v1/sagas for {body['saga_id']} gave {answer.status_code}, not 201: "
                f"{answer.text[:500]}"
            )

    async def saga(self, saga_id: str) -> dict[str, Any] | None:
        """`GET /api/v1/sagas/{saga_id}`; None if there is no such saga. Raises httpx.HTTPError."""
        answer = await self._http.get(f"/api/v1/sagas/{saga_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def follow(self, saga_id: str) -> AsyncIterator[dict[str, Any]]:
        """Each event of the saga once, in order, to its end, over however many connections.

        Raises UnexpectedAnswer if the WebSocket refuses us, or skips or repeats an event.
        """
        last = 0
        while True:
            try:
                async for event in self._connection(saga_id, last):
                    if event["seq"] != last + 1:
                        raise UnexpectedAnswer(
                            f"The WebSocket of {saga_id} sent event {event['seq']} after {last}."
                        )
                    last = event["seq"]
                    yield event
                    if event["type"].removeprefix("saga.") in ENDED:
                        return
            except (OSError, WebSocketException):
                pass  # a broken connection is what `after` is for
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _connection(self, saga_id: str, after: int) -> AsyncIterator[dict[str, Any]]:
        """The events after number `after`, until this one connection ends."""
        url = f"{self._socket_url}/ws/v1/sagas/{saga_id}/?after={after}"
        # No proxy: the environment's are for the world outside.
        async with connect(url, additional_headers=self._headers, proxy=None) as socket:
            with contextlib.suppress(ConnectionClosed):
                async for frame in socket:
                    yield json.loads(frame)
        if (socket.close_code or 0) >= FIRST_OWN_CODE:
            raise UnexpectedAnswer(
                f"The WebSocket of {saga_id} was closed: {socket.close_code} {socket.close_reason}"
            )
