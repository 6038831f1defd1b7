"""The messages of the server as text: what `sagas.live.schema` describes."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from sagas import queries
from sagas.models import SagaEvent


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it is sent; `seq` is 0 if it is no event. Shared by all who get it; but
    `wordless` is for those who only own its saga (`sagas.queries.words`)."""

    text: str
    seq: int = 0
    at: datetime | None = None
    wordless: str = ""


def event(saga_id: str, found: SagaEvent) -> Message:
    text, wordless = (
        _json({"saga_id": saga_id, **queries.describe_event(found, with_words=with_words)})
        for with_words in (True, False)
    )
    return Message(text, found.seq, found.at, wordless)


def snapshot(saga: dict[str, Any], after: int) -> Message:
    body = {"type": "snapshot", "saga_id": saga["saga_id"], "after": after, "saga": saga}
    return Message(_json(body))


def ended(saga_id: str, status: str, last_seq: int) -> Message:
    body = {"type": "ended", "saga_id": saga_id, "status": status, "last_seq": last_seq}
    return Message(_json(body))


def heartbeat(every: float) -> Message:
    return Message(_json({"type": "heartbeat", "every": every}))


def a_list(
    name: str, counts: dict[str, int], sagas: list[dict[str, Any]], removed: list[str]
) -> Message:
    body = {"type": "list", "id": name, "counts": counts, "sagas": sagas, "removed": removed}
    return Message(_json(body))


def error(code: int, message: str, about: str | None = None) -> Message:
    return Message(_json({"type": "error", "code": code, "message": message, "about": about}))


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, cls=DjangoJSONEncoder, separators=(",", ":"))
