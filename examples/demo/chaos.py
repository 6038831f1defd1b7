"""Accidents in the middle of a run, at a moment chosen by what the sagas are doing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from kombu import Connection

from examples.demo.board import Board
from examples.demo.progress import Mark
from examples.demo.stack import QUEUE, WORKERS, Stack

# Every order needs it, and most of them late.
KILLED_SERVICE = "payments"
# The accident that needs a second instance.
NEEDS_CONSUL = "kill-service"

# The broker's answer, in seconds.
BROKER_SECONDS = 5.0

Say = Callable[[str], None]


async def kill_worker(stack: Stack, board: Board, say: Say) -> None:
    """Kill a whole worker, its pool included, while steps are running."""
    await board.wait_until(lambda: in_mid_run(board) or board.all_ended())
    running, ended = board.count(Mark.RUNNING), board.ended()
    count = await asyncio.to_thread(stack.supervisor.kill, WORKERS[0])
    say(
        f"chaos: kill -9 of {WORKERS[0]}, all its {count} processes, "
        f"while {running} steps were running, after the end of {ended} sagas"
    )


async def purge_queue(stack: Stack, board: Board, say: Say) -> None:
    """Delete what is waiting in the queue, at the first moment in mid-run when something is."""
    deleted = seen = 0

    def moved_on() -> bool:
        return (board.events > seen and in_mid_run(board)) or board.all_ended()

    while not deleted and not board.all_ended():
        await board.wait_until(moved_on)
        seen = board.events
        deleted = await asyncio.to_thread(delete_messages, stack.servers.broker_url)
    ended = board.ended()
    say(f"chaos: queue {QUEUE!r} purged of {deleted} messages, after the end of {ended} sagas")


async def kill_service(stack: Stack, board: Board, say: Say) -> None:
    """Kill one of two instances of a service, and leave it dead."""
    await board.wait_until(lambda: in_mid_run(board) or board.all_ended())
    killed, other = stack.instances[KILLED_SERVICE]
    await asyncio.to_thread(stack.supervisor.kill, killed)
    stack.killed[killed] = datetime.now(UTC)
    say(f"chaos: kill -9 of {killed}, after the end of {board.ended()} sagas; {other} is left")


def in_mid_run(board: Board) -> bool:
    """Whether a third of the sagas have something behind them, and some step is being done."""
    return 3 * board.under_way() >= len(board.orders) and board.count(Mark.RUNNING) > 1


def delete_messages(broker_url: str) -> int:
    """Delete all messages that wait in the queue; returns how many there were.

    Those that a worker has taken already are not in the queue any more.
    """
    # Redis waits for ever by default; AMQP knows no such option, and has heartbeats.
    options = {"socket_timeout": BROKER_SECONDS} if broker_url.startswith("redis") else {}
    with Connection(
        broker_url, connect_timeout=BROKER_SECONDS, transport_options=options
    ) as broker:
        broker.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
        deleted: int = broker.default_channel.queue_purge(QUEUE)
        return deleted


CHAOS: Mapping[str, Callable[[Stack, Board, Say], Awaitable[None]]] = MappingProxyType(
    {"kill-worker": kill_worker, "purge-queue": purge_queue, "kill-service": kill_service}
)
