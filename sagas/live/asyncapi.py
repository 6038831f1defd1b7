"""docs/asyncapi.json: the streams as AsyncAPI 3.0 describes them, written from `sagas.live.schema`.

`make docs` runs `python -m sagas.live.asyncapi`; a test fails when the file is stale.
Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel

from sagas.live.close_codes import CODES
from sagas.live.schema import (
    SENT_BY_CLIENT,
    SENT_BY_SERVER,
    Authenticate,
    Ended,
    Error,
    Event,
    Heartbeat,
    Snapshot,
)

OF_ONE_SAGA: Final = (Snapshot, Event, Ended, Heartbeat)

POSITION: Final = {
    "query": {
        "type": "object",
        "properties": {
            "after": {"type": "integer", "minimum": 0, "default": 0, "maximum": (1 << 63) - 1}
        },
    },
    "bindingVersion": "0.1.0",
}


def document() -> dict[str, Any]:
    """The whole description, as JSON values."""
    codes = "\n".join(f"- {code}: {meaning}" for code, meaning in CODES.items())
    channels = {
        "saga": _channel("/ws/v1/sagas/{saga_id}/", (*OF_ONE_SAGA, Authenticate), {"ws": POSITION}),
        "many": _channel("/ws/v1/sagas/", (*SENT_BY_SERVER, *SENT_BY_CLIENT), {}),
        "stream": _channel("/api/v1/sagas/{saga_id}/stream", (Snapshot, Event, Ended, Error), {}),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sagas, live",
            "version": "1",
            "description": f"Close codes:\n{codes}",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            "sendOfSaga": _operation("send", "saga", OF_ONE_SAGA),
            "receiveOfSaga": _operation("receive", "saga", (Authenticate,)),
            "sendOfMany": _operation("send", "many", SENT_BY_SERVER),
            "receiveOfMany": _operation("receive", "many", SENT_BY_CLIENT),
            "sendOfStream": _operation("send", "stream", (Snapshot, Event, Ended, Error)),
        },
        "components": {
            "messages": {
                _name(each): {"name": _name(each), "payload": _ref("schemas", _name(each))}
                for each in (*SENT_BY_SERVER, *SENT_BY_CLIENT)
            },
            "schemas": _schemas(),
        },
    }


def _schemas() -> dict[str, Any]:
    """The JSON Schema of each message; what several share stands beside them."""
    found: dict[str, Any] = {}
    for each in (*SENT_BY_SERVER, *SENT_BY_CLIENT):
        schema = each.model_json_schema(ref_template="#/components/schemas/{model}")
        found.update(schema.pop("$defs", {}))
        found[_name(each)] = schema
    return found


def _channel(
    address: str, kinds: Iterable[type[BaseModel]], bindings: dict[str, Any]
) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": address,
        "messages": {_name(each): _ref("messages", _name(each)) for each in kinds},
    }
    if "{saga_id}" in address:
        channel["parameters"] = {"saga_id": {"description": "The saga's business key."}}
    return channel | ({"bindings": bindings} if bindings else {})


def _operation(action: str, channel: str, kinds: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """`send` is what the server sends, `receive` what it gets."""
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{_name(each)}"} for each in kinds],
    }


def _name(kind: type[BaseModel]) -> str:
    return kind.__name__


def _ref(room: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{room}/{name}"}


if __name__ == "__main__":
    print(json.dumps(document(), indent=2, ensure_ascii=False))
