"""The open streams of this process: how many a user may have, and whether they still may.

The limits are of one process: no other is asked, so none can be waited for. They keep one user, or
one mistaken loop, from taking what all share; they are no price list.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser

from sagas import queries
from sagas.access import Reach, Right, policy
from sagas.live import close_codes, metrics
from sagas.live.close_codes import Closed
from sagas.live.identity import Identity
from sagas.live.threads import in_thread

logger = logging.getLogger(__name__)

STREAMS_PER_USER: Final = 100
"""Open at once, of one user in one process: a person's tabs, or a program that follows a saga on
each. One who needs more puts many sagas on one socket."""

MOST_UNKNOWN: Final = 100
"""Sockets that have not yet shown who they are, in one process: they cost a file each."""

FRAMES_AT_ONCE: Final = 100
FRAMES_PER_SECOND: Final = 5.0
"""What a user may send over all sockets: bursts of the first, refilled by the second. One frame can
subscribe to 200 sagas, so a program that means well sends a handful."""

RECHECK_INTERVAL: Final = 10.0
"""Seconds after which each stream's user and rights are looked at again: how long somebody still
sees what was taken from them. It costs two queries for each user, not for each stream."""

PAST_THE_END: Final = 0.1
"""Seconds after a token's end at which it is asked about: a loop's timers may be a little early."""


@dataclass(eq=False)
class ConnectionSlot:
    """One stream. `on_closed` is called with why, once; `ids` maps each execution that it follows
    to what is called when the right to see it is gone."""

    identity: Identity
    user: Any
    on_closed: Callable[[Closed], None]
    ids: dict[int, Callable[[], None]] = field(default_factory=dict)
    has_lists: bool = False


class _Bucket:
    """Frames that a user may still send."""

    def __init__(self) -> None:
        self._left: float = FRAMES_AT_ONCE
        self._at = time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        refilled = self._left + (now - self._at) * FRAMES_PER_SECOND
        self._left, self._at = min(FRAMES_AT_ONCE, refilled), now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    @property
    def is_full(self) -> bool:
        since = time.monotonic() - self._at
        return self._left + since * FRAMES_PER_SECOND >= FRAMES_AT_ONCE


class ConnectionLimits:
    """All streams of this process."""

    def __init__(self) -> None:
        self._seats: set[ConnectionSlot] = set()
        self._streams: Counter[Any] = Counter()
        self._frames: dict[Any, _Bucket] = {}
        self._unknown = 0
        self._soon: set[asyncio.Task[None]] = set()
        self._task = asyncio.get_running_loop().create_task(self._recheck_for_ever())

    @contextmanager
    def unknown(self) -> Iterator[None]:
        """Room for a socket while nobody knows whose it is. Raises `Closed`."""
        if self._unknown >= MOST_UNKNOWN:
            raise Closed(close_codes.TOO_MANY, "Too many sockets without a token. Try again later.")
        self._unknown += 1
        try:
            yield
        finally:
            self._unknown -= 1

    @contextmanager
    def taken(
        self, identity: Identity, on_closed: Callable[[Closed], None]
    ) -> Iterator[ConnectionSlot]:
        """A seat for as long as the block lasts. Raises `Closed` if the user has too many."""
        self.check_room(identity)
        pk = identity.user.pk
        seat = ConnectionSlot(identity, identity.user, on_closed)
        self._streams[pk] += 1
        self._seats.add(seat)
        end = self._end_with_time(seat)
        try:
            yield seat
        finally:
            if end is not None:
                end.cancel()
            self._seats.discard(seat)
            self._streams[pk] -= 1
            if not self._streams[pk]:
                del self._streams[pk]

    def check_room(self, identity: Identity) -> None:
        """Raises `Closed` if the user has all the streams that one may have."""
        if self._streams[identity.user.pk] >= STREAMS_PER_USER:
            reason = f"You have {STREAMS_PER_USER} streams here: close some, or use ws/v1/sagas/."
            raise Closed(close_codes.TOO_MANY, reason)

    def count_frame(self, seat: ConnectionSlot) -> None:
        """Raises `Closed` for a user who sends too many."""
        if not self._frames.setdefault(seat.user.pk, _Bucket()).take():
            metrics.FRAMES.labels("too many").inc()
            raise Closed(
                close_codes.TOO_MANY, "You send too many messages: wait a minute, send fewer."
            )

    def _end_with_time(self, seat: ConnectionSlot) -> asyncio.TimerHandle | None:
        if seat.identity.ends_at is None:
            return None
        left = max(0.0, seat.identity.ends_at - time.time()) + PAST_THE_END
        # It is asked once more, and not just closed: the end of a session moves with its use.
        return asyncio.get_running_loop().call_later(left, self._recheck_soon, seat)

    def _recheck_soon(self, seat: ConnectionSlot) -> None:
        task = asyncio.get_running_loop().create_task(self._recheck([seat]))
        self._soon.add(task)  # a loop alone does not keep its tasks alive
        task.add_done_callback(self._soon.discard)

    async def _recheck_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_INTERVAL)
            await self._recheck(list(self._seats))
            self._frames = {pk: each for pk, each in self._frames.items() if not each.is_full}

    async def _recheck(self, seats: Iterable[ConnectionSlot]) -> None:
        asked: dict[str, tuple[Identity, set[int]]] = {}
        seats = list(seats)
        for seat in seats:
            asked.setdefault(seat.identity.key, (seat.identity, set()))[1].update(seat.ids)
        try:
            found, moved = await in_thread(_look_again)(asked, seats)
        except Exception:
            # Nothing new can be read and sent meanwhile either.
            logger.warning("The permissions of streams could not be checked.", exc_info=True)
            return
        for seat in seats:
            user, hidden = found[seat.identity.key]
            _apply(seat, user, hidden, has_moved=seat in moved)


def _look_again(
    asked: dict[str, tuple[Identity, set[int]]], seats: Iterable[ConnectionSlot]
) -> tuple[dict[str, tuple[AbstractBaseUser | None, set[int]]], set[ConnectionSlot]]:
    """Each one's user and what is hidden from them by now; and who may see more or less than
    before."""
    found: dict[str, tuple[AbstractBaseUser | None, set[int]]] = {}
    for key, (identity, ids) in asked.items():
        user = identity.renew()
        found[key] = (user, queries.hidden_from(user, ids) if user is not None else set())
    moved: set[ConnectionSlot] = set()
    for seat in seats:
        user = found[seat.identity.key][0]
        if user is not None and _sees(user) != _sees(seat.user):
            moved.add(seat)
    return found, moved


def _sees(user: Any) -> Reach:
    return policy().reach(user, Right.VIEW)


def _apply(seat: ConnectionSlot, user: Any, hidden: set[int], *, has_moved: bool) -> None:
    if user is None:
        reason = "Your token or session has ended: connect again with a new one."
        seat.on_closed(Closed(close_codes.NOT_AUTHENTICATED, reason))
    elif has_moved and seat.has_lists:
        seat.on_closed(
            Closed(close_codes.FORBIDDEN, "Your permissions have changed: connect again.")
        )
    else:
        seat.user = user
        # Whoever still sees a saga, but may read less or more of it, has to ask for it again.
        for pk in set(seat.ids) if has_moved else seat.ids.keys() & hidden:
            seat.ids[pk]()
