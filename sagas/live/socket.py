"""A WebSocket's life: who it is, what it may, its heartbeat, and its end. What it sends is up to
the subclasses in `sagas.live.sockets`."""

import asyncio
import logging
import time
from typing import Any, Final

from channels.generic.websocket import AsyncWebsocketConsumer
from pydantic import ValidationError

from sagas.live import close_codes, identity, messages, metrics
from sagas.live.backpressure import ABORT
from sagas.live.close_codes import Closed, SlowReader
from sagas.live.connection_limits import ConnectionSlot
from sagas.live.hub import Hub, hub
from sagas.live.identity import CrossOrigin, Identity, Unauthenticated
from sagas.live.messages import Message
from sagas.live.schema import Authenticate
from sagas.live.threads import in_thread

logger = logging.getLogger(__name__)

HEARTBEAT: Final = 15.0
"""Seconds without a message after which one is sent. Proxies commonly cut what is silent for 60,
some for 30; and a browser's page sees no ping, so this is how it knows a dead line."""

FIRST_MESSAGE_LIMIT: Final = 5.0
"""Seconds for a client without header and subprotocol to send its token."""

CLOSE_LIMIT: Final = 10.0
"""Seconds from our close to the end of the connection, read or not."""

LONGEST_FRAME: Final = 64 * 1024
"""Characters or bytes that are looked at: 200 sagas with the longest ids. The server has a limit of
its own before that (`--ws-max-size`), for what it keeps in memory."""

FRAMES_WAITING: Final = 32
"""Frames that wait while an earlier one is handled; more is a flood."""


class Socket(AsyncWebsocketConsumer):
    """One socket. A subclass has a `serve`, and a `handle` for what the client sends."""

    # No channel of its own: Channels makes it before the handshake, which then fails or waits with
    # the layer. The hub has one for the whole process.
    channel_layer_alias = ""

    hub: Hub
    seat: ConnectionSlot
    tasks: asyncio.TaskGroup

    async def connect(self) -> None:
        # Accepted first: a browser shows its page no close code before that.
        offered = self.scope.get("subprotocols", ())
        await self.accept(identity.SUBPROTOCOL if identity.SUBPROTOCOL in offered else None)
        self._frames: asyncio.Queue[str | bytes | None] = asyncio.Queue(FRAMES_WAITING)
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sent_at = time.monotonic()
        self._life = asyncio.create_task(self._live())

    async def disconnect(self, code: int) -> None:
        self._life.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        frame = text_data if text_data is not None else bytes_data
        # What is too long is forgotten at once, so that what waits stays small.
        is_long = frame is not None and len(frame) > LONGEST_FRAME
        try:
            self._frames.put_nowait(None if is_long else frame)
        except asyncio.QueueFull:
            metrics.FRAMES.labels("too many").inc()
            self.end(
                Closed(close_codes.TOO_MANY, "You send faster than you are answered: slow down.")
            )

    def end(self, why: Closed) -> None:
        """Closes the socket, from anywhere in its loop."""
        if not self._end.done():
            self._end.set_exception(why)

    async def serve(self) -> None:
        """What is sent, to the end, which is told by raising `Closed`."""
        raise NotImplementedError

    async def handle(self, frame: str | bytes | None) -> None:
        """What a frame asks for; None was too long to be looked at."""
        raise NotImplementedError

    async def say(self, message: Message) -> None:
        """Sends one message. Raises OSError when nobody is there, or reads."""
        await self.send(text_data=message.text)
        self._sent_at = time.monotonic()
        metrics.MESSAGES.labels("websocket").inc()

    async def renew(self) -> None:
        """Looks again who it is. Raises `Closed` if the token or the session has ended."""
        user = await in_thread(self.seat.identity.renew)()
        if user is None:
            raise Closed(
                close_codes.NOT_AUTHENTICATED, "Your token or session has ended: renew it."
            )
        self.seat.user = user

    async def _live(self) -> None:
        self.hub = hub()
        with metrics.CONNECTED.labels("websocket").track_inprogress():
            try:
                await self._serve_whoever_it_is()
            except SlowReader:
                metrics.SLOW.inc()
                reason = "You read too slowly: connect again with after=<the last seq>."
                await self._close(Closed(close_codes.SLOW, reason))
            except OSError:
                return  # the subscriber is gone (ASGI 2.4: what `send` raises then)
            except Closed as why:
                await self._close(why)
            except Exception:
                # A socket that stays open and silent looks like a saga that stands still.
                logger.exception("A socket failed; its client will resume.")
                reason = "Connect again with after=<the last seq>."
                await self._close(Closed(close_codes.SERVER_ERROR, reason))

    async def _serve_whoever_it_is(self) -> None:
        identity = await self._identity()
        with self.hub.seats.taken(identity, self.end) as self.seat:
            try:
                async with asyncio.TaskGroup() as self.tasks:
                    for task in (self.serve(), self._listen(), self._beat(), self._wait_for_end()):
                        self.tasks.create_task(task)
            except ExceptionGroup as group:
                raise _worst_of(group) from None

    async def _identity(self) -> Identity:
        found = await in_thread(identity.identify)(identity.asked_by_socket(self.scope))
        if isinstance(found, Unauthenticated):
            with self.hub.seats.unknown():
                return await self._identity_of_first_message()
        if isinstance(found, CrossOrigin):
            raise Closed(close_codes.FORBIDDEN, "Pages of other sites may not connect here.")
        if not isinstance(found, Identity):
            reason = "Your token or session is not valid: get a new one, or log in."
            raise Closed(close_codes.NOT_AUTHENTICATED, reason)
        return found

    async def _identity_of_first_message(self) -> Identity:
        reason = "Send a token, in a header, as a subprotocol or as the first message; or log in."
        try:
            async with asyncio.timeout(FIRST_MESSAGE_LIMIT):
                frame = await self._frames.get()
            asked = Authenticate.model_validate_json(frame or "")
        except (TimeoutError, ValidationError):
            raise Closed(close_codes.NOT_AUTHENTICATED, reason) from None
        found: Identity | None = await in_thread(identity.by_token)(asked.token)
        if found is None:
            raise Closed(close_codes.NOT_AUTHENTICATED, "Your token is not valid: get a new one.")
        return found

    async def _listen(self) -> None:
        while True:
            frame = await self._frames.get()
            self.hub.seats.count_frame(self.seat)
            await self.handle(frame)

    async def _beat(self) -> None:
        while True:
            left = self._sent_at + HEARTBEAT - time.monotonic()
            if left > 0:
                await asyncio.sleep(left)
            else:
                await self.say(messages.heartbeat(HEARTBEAT))

    async def _wait_for_end(self) -> None:
        await self._end

    async def _close(self, why: Closed) -> None:
        metrics.CLOSED.labels(why.code).inc()
        abort: Any = self.scope.get(ABORT)
        try:
            # Waits for the reader, and is lost on one who stands still for as long as
            # `Backpressure` says.
            await self.close(why.code, why.reason)
        except OSError:
            if abort is not None:
                abort()
            return
        if abort is not None:
            asyncio.get_running_loop().call_later(CLOSE_LIMIT, abort)


def _worst_of(group: ExceptionGroup) -> Exception:
    """The one that tells most of why several tasks of a socket ended: a fault of ours first."""

    def weight(error: Exception) -> int:
        if isinstance(error, SlowReader):
            return 2
        return 1 if isinstance(error, Closed) else 0 if isinstance(error, OSError) else 3

    return max(group.exceptions, key=weight)
