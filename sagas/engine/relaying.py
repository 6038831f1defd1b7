"""What the relay of events notes in the rows. It reads them by `sagas.queries`.

None of this is needed for the order or the safety of what is relayed: each relay puts an
execution's events on the bus from its mark on and in their order, so the first copy of each comes
after the first copy of the one before, however many relays there are.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from django.db import transaction

from sagas.store import relay, sessions

LEADER: Final = 0x5A6A_5E7E_17AE_1001
"""The advisory lock of the one relay that is active: any number that nobody else takes in this
database."""

SILENCE: Final = 30.0
"""Seconds without a word after which PostgreSQL ends the session of the active relay. It speaks
several times a second, but for a batch that the broker is slow to take. Without it, a relay whose
machine is gone, or one whose socket a forked child still holds, would lead for ever."""


def lead_relay() -> bool:
    """Whether this thread's connection makes it the active relay, until that connection ends."""
    return relay.try_to_lead(LEADER, SILENCE)


@contextmanager
def turn_to_relay(*, leads: bool) -> Iterator[bool]:
    """Whether this thread may relay within the block. `leads` is the answer of the last turn.

    A lead lasts as long as its session. Behind a pooler that shares sessions, there is no such
    lead: there each turn is a transaction, and the lead ends with it.
    """
    if sessions.pooler() != "transaction":
        yield leads or lead_relay()
        return
    with transaction.atomic(durable=True):
        yield relay.try_to_lead_now(LEADER)


def leave_relay() -> None:
    """Ends this thread's connection, and so its lead, if any. Never raises."""
    sessions.end_here()


def mark_relayed(seqs: Mapping[int, int]) -> set[int]:
    """Records, for each execution, the number of its newest event that is on the bus, and returns
    which of them could be recorded. Rows that other processes work on are not waited for; record
    them later."""
    return relay.mark_relayed(seqs)
