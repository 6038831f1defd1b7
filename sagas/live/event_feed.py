"""What is new of the sagas that the streams of this process follow: read once, for all of them.

A push marks one saga for the next look at the database, and every LOOK_INTERVAL all of them are
marked: that makes good for pushes that were lost, and for a channel layer that is away. One look is
one statement for all that is marked, so its cost does not grow with the streams of a saga, and
looks that come late carry more instead of queueing up.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from sagas import queries
from sagas.live import messages, metrics
from sagas.live.messages import Message
from sagas.live.threads import in_news_thread

logger = logging.getLogger(__name__)

LOOK_INTERVAL: Final = 2.0
"""Seconds to a look at the database without a push: how late an event is whose push was lost.
For a thousand sagas it is one statement of some ten milliseconds."""

KEPT: Final = 64
"""Events of a saga that are kept for its streams. One that is further behind reads for itself."""

RETRY_INTERVAL: Final = 1.0
MOST_FAILURES: Final = 5
"""Seconds between two tries to read, and how many may fail before the streams are told: about as
long as a database takes to change over."""


class FeedTopic:
    """One followed saga: its newest events, as they are sent, and whether it has ended."""

    def __init__(self, execution_id: int, last: int) -> None:
        self.execution_id = execution_id
        self.last = last
        """The number of the newest event that is known here."""
        self.status = ""
        self.has_ended = False
        self.is_unreadable = False
        self.kept: deque[Message] = deque(maxlen=KEPT)
        self.followers: set[asyncio.Event] = set()

    def take(self, found: queries.ExecutionUpdate | None) -> None:
        """What a look has found; None if the execution is gone."""
        self.is_unreadable = False
        if found is None:
            self.has_ended = True
            return
        for event in found.events:
            if event.seq > self.last:
                self.kept.append(messages.event(found.saga_id, event))
                self.last = event.seq
        self.status = found.status
        self.has_ended = found.is_terminal and self.last >= found.last_seq

    def after(self, seq: int) -> list[Message] | None:
        """The events above `seq`; None if they go further back than what is kept."""
        if seq >= self.last:
            return []
        if not self.kept or seq < self.kept[0].seq - 1:
            return None
        return [message for message in self.kept if message.seq > seq]

    def wake(self) -> None:
        """Tells the followers to look here."""
        for follower in self.followers:
            follower.set()


class EventFeed:
    """All that are followed in this process, and the task that reads what is new of them."""

    def __init__(self) -> None:
        self._topics: dict[int, FeedTopic] = {}
        self._marked: set[int] = set()
        self._something_is_marked = asyncio.Event()
        self._failures = 0
        self.clock_ahead = 0.0
        """Seconds by which the database's clock is ahead of ours, about."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._read_for_ever()), loop.create_task(self._look())]

    @contextmanager
    def followed(self, execution_id: int, last: int) -> Iterator[tuple[FeedTopic, asyncio.Event]]:
        """The topic, and an event that is set when there may be something new in it, for as long
        as the block lasts. `last` is the number of the newest event that the caller knows of."""
        topic = self._topics.get(execution_id)
        if topic is None:
            topic = self._topics[execution_id] = FeedTopic(execution_id, last)
            metrics.FOLLOWED.set(len(self._topics))
        topic.has_ended = False  # an operator may have opened it again: the look below tells
        moved = asyncio.Event()
        topic.followers.add(moved)
        self.mark(execution_id)  # what came since the caller's own read
        try:
            yield topic, moved
        finally:
            topic.followers.discard(moved)
            if not topic.followers:
                self._topics.pop(execution_id, None)
                metrics.FOLLOWED.set(len(self._topics))

    def mark(self, execution_id: int) -> None:
        """Has one saga read at the next look, if anybody here follows it."""
        if execution_id in self._topics:
            self._marked.add(execution_id)
            self._something_is_marked.set()

    def mark_all(self) -> None:
        """The same for every saga."""
        self._marked.update(self._topics)
        if self._marked:
            self._something_is_marked.set()

    def lag_of(self, at: datetime) -> float:
        """Seconds since a moment of the database's clock."""
        return max(0.0, datetime.now(UTC).timestamp() + self.clock_ahead - at.timestamp())

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_INTERVAL)
            self.mark_all()

    async def _read_for_ever(self) -> None:
        while True:
            await self._something_is_marked.wait()
            self._something_is_marked.clear()
            marked, self._marked = self._marked, set()
            try:
                await self._read(marked)
                self._failures = 0
            except Exception:
                await self._on_failure(marked)

    async def _read(self, marked: set[int]) -> None:
        asked = {pk: self._topics[pk].last for pk in marked if pk in self._topics}
        if not asked:
            return
        began = time.monotonic()
        found = await in_news_thread(queries.news)(asked)
        metrics.READ.observe(time.monotonic() - began)
        for pk in asked:
            topic, new = self._topics.get(pk), found.get(pk)
            if topic is None:
                continue
            if new is not None:
                self.clock_ahead = new.read_at.timestamp() - time.time()
            before = topic.last
            topic.take(new)
            if new is not None and len(new.events) == queries.NEWS_LIMIT:
                self.mark(pk)
            if topic.last > before or topic.has_ended:
                topic.wake()

    async def _on_failure(self, marked: set[int]) -> None:
        self._failures += 1
        logger.warning("New events of %s sagas could not be read.", len(marked), exc_info=True)
        if self._failures >= MOST_FAILURES:
            for topic in self._topics.values():
                topic.is_unreadable = True
                topic.wake()
        await asyncio.sleep(RETRY_INTERVAL)
        self._marked |= marked
        self._something_is_marked.set()
