"""`GET /api/v1/sagas/{saga_id}/stream`: the same stream as server-sent events, for `curl`.

The format, and that a client sends `Last-Event-ID` when it connects again, are the HTML standard's
(WHATWG HTML 9.2). So is 204, which ends the reconnecting of a browser: it is the answer to who has
seen all of a saga that has ended.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from sagas import queries
from sagas.live import close_codes, identity, messages, metrics
from sagas.live.close_codes import Closed
from sagas.live.hub import hub
from sagas.live.identity import Identity
from sagas.live.messages import Message
from sagas.live.progress import FollowedSaga, opened, progress
from sagas.live.socket import HEARTBEAT
from sagas.live.sockets import whole_number
from sagas.live.threads import in_thread
from sagas.non_atomic import non_atomic

RETRY: Final = 1000
"""Milliseconds to a browser's next try. It adds no jitter, so not less."""

STATUS: Final = {
    close_codes.BAD_REQUEST: (422, "bad_input"),
    close_codes.NOT_AUTHENTICATED: (401, "not_authenticated"),
    close_codes.FORBIDDEN: (403, "forbidden"),
    close_codes.NOT_FOUND: (404, "not_found"),
    close_codes.TOO_MANY: (429, "too_many"),
}


@non_atomic
async def stream(request: HttpRequest, saga_id: str) -> HttpResponseBase:
    """200 and the stream; 204; or an error in the form of the API's."""
    if request.method != "GET":
        return HttpResponse(status=405, headers={"Allow": "GET"})
    try:
        identity = await _identity(request)
        seen = request.headers.get("Last-Event-ID")
        after = whole_number(seen if seen is not None else request.GET.get("after", "0"))
        if after is None:
            raise Closed(close_codes.BAD_REQUEST, "after, Last-Event-ID: use a whole number.")
        hub().seats.check_room(identity)
        saga = await opened(saga_id, identity.user)
    except Closed as why:
        return _refusal(why)
    ended = queries.is_terminal(saga.description["status"])
    if seen is not None and ended and after >= saga.last_seq:
        return HttpResponse(status=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(
        _body(identity, saga, after), content_type="text/event-stream", headers=headers
    )


async def _identity(request: HttpRequest) -> Identity:
    found = await in_thread(identity.identify)(identity.asked_over_http(request))
    if not isinstance(found, Identity):
        reason = "Send `Authorization: Bearer TOKEN` (manage.py saga token) or log in."
        raise Closed(close_codes.NOT_AUTHENTICATED, reason)
    return found


def _refusal(why: Closed) -> HttpResponse:
    status, word = STATUS[why.code]
    return JsonResponse({"error": word, "message": why.reason, "fields": {}}, status=status)


async def _body(identity: Identity, saga: FollowedSaga, after: int) -> AsyncGenerator[str, None]:
    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_closed(why: Closed) -> None:
        if not end.done():
            end.set_exception(why)

    hidden = Closed(close_codes.FORBIDDEN, "You may no longer see this saga.")
    yield f"retry: {RETRY}\n\n"
    with metrics.CONNECTED.labels("sse").track_inprogress():
        try:
            with hub().seats.taken(identity, on_closed) as seat:
                seat.ids[saga.execution_id] = lambda: on_closed(hidden)
                async with (
                    aclosing(progress(hub().topics, saga, after)) as found,
                    aclosing(_with_heartbeats(found, end)) as texts,
                ):
                    async for text in texts:
                        yield text
        except Closed as why:
            metrics.CLOSED.labels(why.code).inc()
            yield _as_event(messages.error(why.code, why.reason, saga.saga_id))


async def _with_heartbeats(
    found: AsyncGenerator[Message, None], end: asyncio.Future[None]
) -> AsyncGenerator[str, None]:
    """Each message as an event, and a comment when there was none for HEARTBEAT. Raises what `end`
    gets."""
    following: asyncio.Future[Message] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(anext(found))
            both: set[asyncio.Future[Any]] = {following, end}
            await asyncio.wait(both, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                end.result()
            if not following.done():
                yield ": heartbeat\n\n"
                continue
            try:
                message = following.result()
            except StopAsyncIteration:
                return
            following = None
            metrics.MESSAGES.labels("sse").inc()
            yield _as_event(message)
    finally:
        end.cancel()
        if following is not None:
            following.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await following


def _as_event(message: Message) -> str:
    """Without a name, so that a browser's `onmessage` gets it; JSON has no line breaks."""
    number = f"id: {message.seq}\n" if message.seq else ""
    return f"{number}data: {message.text}\n\n"
