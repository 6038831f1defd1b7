"""The words of staff and of services in what is read: who did something and why, and the messages
of errors. Whoever only owns a saga is not told them: they may name colleagues, or hold what another
system says of itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sagas.access import Asker, policy
from sagas.models import SagaEvent, SagaExecution
from sagas.queries.histories import EVENTS_PAGE, events_after

_WORDS: Final = ("by", "reason", "message")


def without_words(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of an event, or an error, with empty texts for them."""
    kept = {key: "" if key in _WORDS else value for key, value in data.items()}
    failure = data.get("failure")
    return kept | {"failure": without_words(failure)} if isinstance(failure, Mapping) else kept


def events_for(
    viewer: Asker, found: SagaExecution, after: int, limit: int = EVENTS_PAGE
) -> Sequence[SagaEvent]:
    """As `events_after`, for who may see the execution: without words if they may not read them."""
    events = events_after(found.pk, after, limit)
    if not policy().may_read_words(viewer, found):
        for event in events:
            event.data = without_words(event.data)
    return events
