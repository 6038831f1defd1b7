"""Every read, for HTTP, sockets, admin and commands alike."""

from sagas.queries.attention import AttentionCounts, counts_of_attention, needs_attention
from sagas.queries.definitions import definition, describe_definition, saga_types
from sagas.queries.descriptions import describe, describe_event, summary, what_is_left
from sagas.queries.histories import events_after, history, is_all, is_terminal
from sagas.queries.lists import MOST_LISTED, MOST_VERSIONS, Filter, Page, page, targets
from sagas.queries.outbox import CommittedEvent, RelayLag, committed_event, relay_lag, unrelayed
from sagas.queries.standings import MOST_COUNTED, Standing, counts_of_newest
from sagas.queries.streams import NEWS_LIMIT, ExecutionUpdate, counts, hidden_from, live_page, news
from sagas.queries.tasks import TaskFilter, TaskPage, tasks
from sagas.queries.visibility import (
    OPERATOR,
    UNREAD_OF_PARENT,
    Asker,
    as_if_started,
    execution,
    seen_of,
    to_signal,
    visible_to,
)
from sagas.queries.words import events_for

__all__ = [
    "MOST_COUNTED",
    "MOST_LISTED",
    "MOST_VERSIONS",
    "NEWS_LIMIT",
    "OPERATOR",
    "UNREAD_OF_PARENT",
    "Asker",
    "AttentionCounts",
    "CommittedEvent",
    "ExecutionUpdate",
    "Filter",
    "Page",
    "RelayLag",
    "Standing",
    "TaskFilter",
    "TaskPage",
    "as_if_started",
    "committed_event",
    "counts",
    "counts_of_attention",
    "counts_of_newest",
    "definition",
    "describe",
    "describe_definition",
    "describe_event",
    "events_after",
    "events_for",
    "execution",
    "hidden_from",
    "history",
    "is_all",
    "is_terminal",
    "live_page",
    "needs_attention",
    "news",
    "page",
    "relay_lag",
    "saga_types",
    "seen_of",
    "summary",
    "targets",
    "tasks",
    "to_signal",
    "unrelayed",
    "visible_to",
    "what_is_left",
]
