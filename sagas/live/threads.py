"""Where streams ask the database: in threads, and never in the one that Django's sync code shares,
where a slow read of one would hold up all others."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from channels.db import database_sync_to_async

READERS: Final = 4
"""Threads for what one stream asks: its snapshot, its catching up, its rights. Each holds one
connection while it asks, out of the pool of a web process (8)."""

in_thread = partial(
    database_sync_to_async,
    thread_sensitive=False,
    executor=ThreadPoolExecutor(READERS, "stream-reader"),
)

in_news_thread = partial(
    database_sync_to_async,
    thread_sensitive=False,
    executor=ThreadPoolExecutor(1, "stream-news"),
)
"""One of its own for the news of all streams: a thousand sockets that connect at once must not
stand before it in the queue."""
