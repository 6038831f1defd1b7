"""Play the sample orders: faults laid out, sagas started and followed, accidents on the way."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

from examples.demo.board import Board
from examples.demo.chaos import CHAOS
from examples.demo.orders_file import Outage, SampleOrder
from examples.demo.saga_client import SagaClient
from examples.demo.stack import Stack
from examples.demo.views import View

# One answer of a service, in seconds.
ANSWER_SECONDS = 10.0


@dataclass(frozen=True)
class Play:
    """One run: its orders, what happens to them, and who is told.

    `say` gets one line for each accident and outage, `changed` each new progress of an order.
    """

    run_id: str
    stack: Stack
    board: Board
    chaos: Iterable[str]
    say: Callable[[str], None]
    changed: View | None
    # One outage after the other: two that overlap would wait for each other's service.
    outages: asyncio.Lock = field(default_factory=asyncio.Lock)

    def saga_id(self, order: SampleOrder) -> str:
        """The saga's id, never used before: what an earlier run left in a broker can't match."""
        return f"{self.run_id}-{order.id}"

    async def play(self, within: float) -> dict[str, dict[str, Any] | None]:
        """Send all orders and follow each to its end, for `within` seconds at most.

        Returns the sagas as the API gives them in the end, by order id, ended or not; None for one
        that was not started in that time. Raises UnexpectedAnswer, httpx.HTTPError, ProcessError,
        or OperationalError of kombu.
        """
        await asyncio.to_thread(self.lay_faults)
        async with SagaClient(self.stack.web_url, self.stack.token) as client:
            try:
                async with asyncio.timeout(within), asyncio.TaskGroup() as tasks:
                    for name in self.chaos:
                        tasks.create_task(self.accident(name))
                    for order in self.board.orders:
                        tasks.create_task(self.play_order(client, order))
            except ExceptionGroup as group:
                raise first_of(group) from None
            except TimeoutError:
                self.say(f"{within:g} s are over, and not all sagas have ended.")
            return {order.id: await client.saga(self.saga_id(order)) for order in self.board.orders}

    def lay_faults(self) -> None:
        """Tell the services what to do wrong, before the first order is sent."""
        with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False) as client:
            for order in self.board.orders:
                for fault in order.faults:
                    url = f"{self.stack.service_urls[fault.service]}/faults"
                    client.post(url, json=fault.request(self.saga_id(order))).raise_for_status()

    async def accident(self, name: str) -> None:
        """One accident out of CHAOS, at its moment."""
        await CHAOS[name](self.stack, self.board, self.say)

    async def play_order(self, client: SagaClient, order: SampleOrder) -> None:
        """Send one order, during an outage if it asks for one, and follow it to its end."""
        if order.outage is None:
            await self.follow_order(client, order)
            return
        # Whoever calls the service is hit: the other orders have samples of their own to show.
        await self.board.wait_until(self.board.all_without_outage_ended)
        async with self.outages, asyncio.TaskGroup() as tasks:
            instances = self.stack.instances[order.outage.service]
            await asyncio.to_thread(self.stack.supervisor.stop, *instances)
            self.say(f"{order.outage.service} is down for {order.outage.seconds:g} s")
            tasks.create_task(self.end_outage(order.outage))
            tasks.create_task(self.follow_order(client, order))

    async def follow_order(self, client: SagaClient, order: SampleOrder) -> None:
        """Start one saga, and fold its events into the board until it has ended."""
        saga_id = self.saga_id(order)
        await client.start(order.body(saga_id))
        async for event in client.follow(saga_id):
            progress = await self.board.add(order.id, event)
            if self.changed is not None:
                self.changed(order, progress)

    async def end_outage(self, outage: Outage) -> None:
        """Start the service again once the outage has lasted as long as the file says."""
        await asyncio.sleep(outage.seconds)
        for instance in self.stack.instances[outage.service]:
            await asyncio.to_thread(self.stack.supervisor.restart, instance)
        self.say(f"{outage.service} is up again")


def first_of(error: Exception) -> Exception:
    """The error that made a group of tasks give up; the others are its consequences."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
