"""What all sagas of a run are doing, told to whoever waits for it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from examples.demo.orders_file import SampleOrder
from examples.demo.progress import Mark, Progress, fold


class Board:
    """The progress of each order, by its id. Written and awaited in one event loop.

    Another thread may read: each `Progress` is immutable, and replaced as a whole.
    """

    def __init__(self, orders: list[SampleOrder]) -> None:
        self.orders = orders
        self.progress = {order.id: Progress() for order in orders}
        self.events = 0
        self._changed = asyncio.Condition()

    async def add(self, order_id: str, event: Mapping[str, Any]) -> Progress:
        """Fold one event in, and wake whoever waits; returns the order's new progress."""
        self.progress[order_id] = fold(self.progress[order_id], event)
        self.events += 1
        async with self._changed:
            self._changed.notify_all()
        return self.progress[order_id]

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return once `condition` holds; it is looked at now and after each event."""
        async with self._changed:
            await self._changed.wait_for(condition)

    def ended(self) -> int:
        """How many sagas have ended."""
        return sum(progress.has_ended for progress in self.progress.values())

    def under_way(self) -> int:
        """How many sagas have ended, or have done at least one step."""
        return sum(
            progress.has_ended or progress.count(Mark.SUCCEEDED) > 0
            for progress in self.progress.values()
        )

    def count(self, mark: Mark) -> int:
        """How many steps of all sagas have this mark now."""
        return sum(progress.count(mark) for progress in self.progress.values())

    def all_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.ended() == len(self.orders)

    def all_without_outage_ended(self) -> bool:
        """Whether no saga is under way but those that have an outage of their own."""
        return all(self.progress[o.id].has_ended for o in self.orders if o.outage is None)
