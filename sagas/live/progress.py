"""The stream of one saga: a snapshot, then every event once, in order, from N + 1 to the end.

Events always come from the database, after the number that was sent last, so neither a lost push
nor a doubled one makes a gap or a repeat.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Any

from sagas import queries
from sagas.access import policy
from sagas.errors import NoSuchExecution
from sagas.live import close_codes, messages, metrics
from sagas.live.close_codes import Closed
from sagas.live.event_feed import EventFeed
from sagas.live.messages import Message
from sagas.live.threads import in_thread


@dataclass(frozen=True, slots=True)
class FollowedSaga:
    """A saga that somebody may follow: what it is, and where it stood."""

    execution_id: int
    saga_id: str
    last_seq: int
    description: dict[str, Any]
    with_words: bool
    """Whether its follower is told the words of staff and of services."""


async def opened(saga_id: str, user: Any) -> FollowedSaga:
    """The saga, if `user` may see it now. Raises `Closed`."""
    try:
        found: FollowedSaga = await in_thread(_open)(saga_id, user)
    except NoSuchExecution:
        raise Closed(close_codes.NOT_FOUND, "There is no such saga that you may see.") from None
    return found


def _open(saga_id: str, user: Any) -> FollowedSaga:
    found = queries.execution(saga_id, user)
    description = queries.describe(found, user)
    with_words = policy().may_read_words(user, found)
    return FollowedSaga(found.pk, found.saga_id, found.last_seq, description, with_words)


async def progress(
    topics: EventFeed, saga: FollowedSaga, after: int
) -> AsyncGenerator[Message, None]:
    """What is sent of one saga. Raises `Closed` when the database has been away for long."""
    yield messages.snapshot(saga.description, after)
    with topics.followed(saga.execution_id, saga.last_seq) as (topic, moved):
        while True:
            moved.clear()
            page = topic.after(after)
            if page is None:
                page = await _page(saga, after)
            for message in page:
                yield message if saga.with_words else replace(message, text=message.wordless)
                if message.seq > saga.last_seq and message.at is not None:
                    metrics.LAG.observe(topics.lag_of(message.at))
                after = message.seq
            if page:
                continue  # there may be another
            if topic.is_unreadable:
                raise Closed(
                    close_codes.SERVER_ERROR, "The database is unavailable: connect again later."
                )
            if topic.has_ended:
                yield messages.ended(saga.saga_id, topic.status, topic.last)
                return
            await moved.wait()


async def _page(saga: FollowedSaga, after: int) -> list[Message]:
    read = in_thread(queries.events_after)
    found = await read(saga.execution_id, after)
    return [messages.event(saga.saga_id, event) for event in found]
