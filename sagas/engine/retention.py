"""Deleting what is long over."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from django.db import transaction

from sagas.conf import conf
from sagas.store import deletion, recovery

Archive = Callable[[Iterable[str]], None]
"""Takes executions, each a line of JSON without its end, and returns once they are safe."""


def prune(older_than: timedelta, limit: int, archive: Archive | None = None) -> int:
    """Deletes at most `limit` sagas that ended longer than `older_than` ago, with their children
    and events, and returns how many. A saga that another process is working on is left for the
    next time. So is one with an event that is not on the bus yet, if there is a bus (R19).

    `archive` receives them before they are deleted, outside any transaction: a line for each
    execution, including children, with the columns of its row and its events. Sagas that changed
    in the meantime are not deleted. These, and those that a killed process had archived, come
    again with the next call.
    """
    seconds, only_relayed = older_than.total_seconds(), bool(conf.EVENTS_URL)
    archived: deletion.Family = {}
    among = None
    if archive is not None:
        families = deletion.ended(seconds, limit, only_relayed=only_relayed)
        for family in families:
            archived |= family
        if not archived:
            return 0
        archive(deletion.lines(archived))
        among = [next(iter(family)) for family in families]
    return _delete(seconds, limit, only_relayed, among, archived)


@recovery.repeated
def _delete(
    seconds: float,
    limit: int,
    only_relayed: bool,
    among: list[int] | None,
    archived: deletion.Family,
) -> int:
    with transaction.atomic(durable=True):
        families = deletion.ended(seconds, limit, only_relayed=only_relayed, among=among)
        if among is not None:
            families = [family for family in families if family.items() <= archived.items()]
        deletion.delete([one for family in families for one in family])
    return len(families)
