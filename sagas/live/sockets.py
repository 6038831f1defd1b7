"""`ws/v1/sagas/{saga_id}/?after=N` follows one saga, `ws/v1/sagas/` many sagas and lists."""

import asyncio
from contextlib import aclosing
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer
from pydantic import TypeAdapter, ValidationError

from sagas.live import close_codes, lists, messages, metrics
from sagas.live.close_codes import Closed
from sagas.live.progress import FollowedSaga, opened, progress
from sagas.live.schema import (
    LISTS_PER_SOCKET,
    SAGAS_PER_SOCKET,
    Command,
    Follow,
    SubscribeList,
    Unfollow,
    Unlist,
)
from sagas.live.socket import Socket

_COMMAND: TypeAdapter[Command] = TypeAdapter(Command)


class SagaSocket(Socket):
    """One saga, from the event after `after`. Closed with 1000 when the saga has ended."""

    async def serve(self) -> None:
        after = position(self.scope["query_string"].decode("latin1"))
        if after is None:
            raise Closed(close_codes.BAD_REQUEST, "after: use a whole number, 0 or more.")
        saga = await opened(self.scope["url_route"]["kwargs"]["saga_id"], self.seat.user)
        hidden = Closed(close_codes.FORBIDDEN, "You may no longer see this saga.")
        self.seat.ids[saga.execution_id] = lambda: self.end(hidden)
        async with aclosing(progress(self.hub.topics, saga, after)) as stream:
            async for message in stream:
                await self.say(message)
        raise Closed(close_codes.NORMAL, "The saga has ended.")

    async def handle(self, frame: str | bytes | None) -> None:
        """Nothing that a client sends means anything here."""
        metrics.FRAMES.labels("ignored").inc()


class ManySocket(Socket):
    """What the client's messages ask for: sagas, and lists of them."""

    async def serve(self) -> None:
        self._sagas: dict[str, asyncio.Task[None]] = {}
        self._lists: dict[str, asyncio.Task[None]] = {}

    async def handle(self, frame: str | bytes | None) -> None:
        """Answers what it can't understand with an `error`, and stays."""
        try:
            if frame is None:
                raise Closed(close_codes.BAD_REQUEST, "Your message is too long: send several.")
            command = _COMMAND.validate_json(frame)
        except ValidationError as error:
            metrics.FRAMES.labels("refused").inc()
            await self.say(messages.error(close_codes.BAD_REQUEST, _in_words(error)))
        except Closed as why:
            metrics.FRAMES.labels("refused").inc()
            await self.say(messages.error(why.code, why.reason))
        else:
            metrics.FRAMES.labels("taken").inc()
            await self._obey(command)

    async def _obey(self, command: Command) -> None:
        if isinstance(command, Follow | SubscribeList):
            await self.renew()
        match command:
            case Follow(sagas=wanted):
                for saga_id, after in wanted.items():
                    await self._add(self._sagas, SAGAS_PER_SOCKET, saga_id, (saga_id, after))
            case SubscribeList():
                await self._add(self._lists, LISTS_PER_SOCKET, command.id, command)
            case Unfollow(sagas=left):
                for saga_id in left:
                    _end(self._sagas, saga_id)
            case Unlist():
                _end(self._lists, command.id)

    async def _add(
        self,
        running: dict[str, asyncio.Task[None]],
        most: int,
        name: str,
        wanted: tuple[str, int] | SubscribeList,
    ) -> None:
        if name in running:
            problem = "You have that already: end it first, or choose another name."
            return await self.say(messages.error(close_codes.BAD_REQUEST, problem, name))
        if len(running) >= most:
            problem = f"One socket takes {most} of them: end some, or open another socket."
            return await self.say(messages.error(close_codes.TOO_MANY, problem, name))
        if isinstance(wanted, SubscribeList):
            self.seat.has_lists = True
            task = self.tasks.create_task(self._list(wanted))
        else:
            task = self.tasks.create_task(self._follow(*wanted))
        running[name] = task
        task.add_done_callback(lambda done: running.get(name) is done and running.pop(name))
        return None

    async def _follow(self, saga_id: str, after: int) -> None:
        saga: FollowedSaga | None = None
        task = asyncio.current_task()
        assert task is not None

        def hide() -> None:
            task.cancel()
            hidden = messages.error(
                close_codes.FORBIDDEN, "You may no longer see this saga.", saga_id
            )
            self.tasks.create_task(self.say(hidden))

        try:
            saga = await opened(saga_id, self.seat.user)
            self.seat.ids[saga.execution_id] = hide
            async with aclosing(progress(self.hub.topics, saga, after)) as stream:
                async for message in stream:
                    await self.say(message)
        except Closed as why:
            await self.say(messages.error(why.code, why.reason, saga_id))
        finally:
            if saga is not None:
                self.seat.ids.pop(saga.execution_id, None)

    async def _list(self, wanted: SubscribeList) -> None:
        try:
            async with aclosing(lists.changes(self.hub.lists, wanted, self.seat.user)) as stream:
                async for message in stream:
                    await self.say(message)
        except Closed as why:
            await self.say(messages.error(why.code, why.reason, wanted.id))


class NoSuchSocket(AsyncWebsocketConsumer):
    """What answers at any other path."""

    channel_layer_alias = ""

    async def connect(self) -> None:
        await self.accept()
        reason = "Below the prefix of sagas.urls: ws/v1/sagas/ and ws/v1/sagas/{saga_id}/."
        await self.close(close_codes.NOT_FOUND, reason)


def position(query_string: str) -> int | None:
    """The number after which the client wants events; None if it is no number."""
    values = parse_qs(query_string).get("after", ["0"])
    return whole_number(values[-1])


def whole_number(text: str) -> int | None:
    """None if it is none, or larger than any event's number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _end(running: dict[str, asyncio.Task[None]], name: str) -> None:
    task = running.pop(name, None)
    if task is not None:
        task.cancel()


def _in_words(error: ValidationError) -> str:
    """What is wrong with a message, where, and nothing of what it said."""
    found = error.errors(include_url=False, include_input=False, include_context=False)[:5]
    places = (".".join(map(str, each["loc"])) for each in found)
    return "; ".join(
        f"{place or 'message'}: {each['msg']}" for place, each in zip(places, found, strict=True)
    )[:1000]
