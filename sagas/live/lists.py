"""Live lists: the newest sagas that match a filter, and how many there are by status.

A list has no events of its own: when anything moves, it is read anew, once for all who look at the
same one, and each is sent what has changed for them. So a lost push only makes it late.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from sagas import queries
from sagas.access import Reach, Right, policy, scopes_of
from sagas.errors import SagaError
from sagas.live import close_codes, messages
from sagas.live.close_codes import Closed
from sagas.live.messages import Message
from sagas.live.schema import SubscribeList
from sagas.live.threads import in_thread

logger = logging.getLogger(__name__)

READ_INTERVAL: Final = 1.0
"""Seconds at least between two reads of one list: its counts read every row that matches."""

LOOK_INTERVAL: Final = 5.0
"""Seconds to a read without a push: how late a list is whose push was lost."""

Key = tuple[Any, frozenset[str] | None, Reach, SubscribeList]


@dataclass(eq=False)
class LiveList:
    """What was read last, for all who look at it."""

    wanted: SubscribeList
    user: Any
    counts: dict[str, int] = field(default_factory=dict)
    sagas: dict[str, dict[str, Any]] = field(default_factory=dict)
    version: int = 0
    error: str = ""
    viewers: set[asyncio.Event] = field(default_factory=set)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Lists:
    """Those of one process."""

    def __init__(self) -> None:
        self._lists: dict[Key, LiveList] = {}

    def on_push(self) -> None:
        """Something has moved, somewhere."""
        for each in self._lists.values():
            each.moved.set()

    @contextmanager
    def viewed(
        self, wanted: SubscribeList, user: Any, reach: Reach
    ) -> Iterator[tuple[LiveList, asyncio.Event]]:
        """The list, and an event that is set when it was read anew. `reach` is how far `user` may
        see."""
        # Who may see all see the same, and nobody else sees what another user does. The name is the
        # viewer's.
        seen_by = None if reach.is_all else user.pk
        key = (seen_by, scopes_of(user), reach, wanted.model_copy(update={"id": "-"}))
        found = self._lists.get(key)
        if found is None:
            found = self._lists[key] = LiveList(wanted, user)
            found.task = asyncio.get_running_loop().create_task(self._keep(found))
        changed = asyncio.Event()
        changed.set()
        found.viewers.add(changed)
        try:
            yield found, changed
        finally:
            found.viewers.discard(changed)
            if not found.viewers:
                assert found.task is not None
                found.task.cancel()
                self._lists.pop(key, None)

    async def _keep(self, kept: LiveList) -> None:
        """Reads the list whenever something has moved, until nobody looks any more."""
        while True:
            kept.moved.clear()
            try:
                kept.sagas, kept.counts = await in_thread(_read)(kept.wanted, kept.user)
                kept.version += 1
            except SagaError as error:
                kept.error = str(error)
            except Exception:
                logger.warning(
                    "A live list could not be read; it will be sent late.", exc_info=True
                )
            for viewer in kept.viewers:
                viewer.set()
            await asyncio.sleep(READ_INTERVAL)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_INTERVAL):
                    await kept.moved.wait()


def _read(wanted: SubscribeList, user: Any) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    filter_ = queries.Filter(
        saga_types=wanted.types,
        statuses=wanted.statuses,
        tags=wanted.tags,
        paused=wanted.paused,
        step=wanted.step,
        parent=wanted.parent,
    )
    found = queries.live_page(filter_, user, wanted.limit)
    sagas = {saga.saga_id: queries.summary(saga) for saga in found}
    return sagas, queries.counts(filter_, user)


async def changes(lists: Lists, wanted: SubscribeList, user: Any) -> AsyncGenerator[Message, None]:
    """What is sent of one list, for ever. Raises `Closed` for a filter that can't be."""
    sent: dict[str, dict[str, Any]] = {}
    sent_counts: dict[str, int] = {}
    reach: Reach = await in_thread(policy().reach)(user, Right.VIEW)
    with lists.viewed(wanted, user, reach) as (found, changed):
        is_first = True
        while True:
            await changed.wait()
            changed.clear()
            if found.error:
                raise Closed(close_codes.BAD_REQUEST, found.error)
            if not found.version:
                continue  # nothing was read yet
            new = [saga for key, saga in found.sagas.items() if sent.get(key) != saga]
            removed = [key for key in sent if key not in found.sagas]
            if is_first or new or removed or found.counts != sent_counts:
                sent, sent_counts, is_first = found.sagas, found.counts, False
                yield messages.a_list(wanted.id, found.counts, new, removed)
