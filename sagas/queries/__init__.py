"""Every read, for HTTP, sockets, admin and commands alike."""

from sagas.queries.descriptions import describe, describe_event, summary, what_is_left
from sagas.queries.histories import events_after, history, is_all, is_terminal
from sagas.queries.lists import MOST_LISTED, Filter, Page, page, targets
from sagas.queries.visibility import OPERATOR, UNREAD_OF_PARENT, Asker, execution, visible_to

__all__ = [
    "MOST_LISTED",
    "OPERATOR",
    "UNREAD_OF_PARENT",
    "Asker",
    "Filter",
    "Page",
    "describe",
    "describe_event",
    "events_after",
    "execution",
    "history",
    "is_all",
    "is_terminal",
    "page",
    "summary",
    "targets",
    "visible_to",
    "what_is_left",
]
