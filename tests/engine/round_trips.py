"""What a connection sends to PostgreSQL, as libpq itself tells it: past every layer above."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from psycopg.pq import Trace


@contextmanager
def round_trips() -> Iterator[list[str]]:
    """How often this thread's connection asks, and waits for an answer: filled at the end with one
    word for each time, `Query`, or `Sync` for one that is prepared or has its values apart."""
    connection.ensure_connection()
    link = connection.connection.pgconn
    sent: list[str] = []
    with tempfile.TemporaryFile("w+") as file:
        link.trace(file.fileno())
        link.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        try:
            yield sent
        finally:
            link.untrace()
            file.seek(0)
            messages = [line.split("\t") for line in file if line.startswith("F\t")]
            sent += [kind for _, _, kind, *_ in messages if kind.strip() in ("Query", "Sync")]
