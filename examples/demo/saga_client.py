"""The engine seen from outside: HTTP and the WebSocket, as any user's program would talk to it."""

from collections.abc import AsyncIterator
from typing import Any, Self

import httpx

from examples.demo.progress import ENDED
from sagas.live.client import OutOfOrder, SagaStream, SubscriptionRefused

# One answer, in seconds; starting a saga takes milliseconds.
ANSWER_SECONDS = 15.0


class UnexpectedAnswer(Exception):
    """The engine answered something else than its contract says."""


class SagaClient:
    """One user's connection; an async context manager. All waits are bounded but `follow`."""

    def __init__(self, base_url: str, token: str) -> None:
        self._stream = SagaStream(base_url, token)
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=ANSWER_SECONDS,
            trust_env=False,
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
        """Each event of the saga once, in order, to its end, over however many connections; it
        also ends at `failed`, where a person is waited for.

        Raises UnexpectedAnswer if the WebSocket refuses us, or skips or repeats an event.
        """
        try:
            async for event in self._stream.follow(saga_id):
                yield event
                if event["type"].removeprefix("saga.") in ENDED:
                    return
        except (SubscriptionRefused, OutOfOrder) as error:
            raise UnexpectedAnswer(str(error)) from error
