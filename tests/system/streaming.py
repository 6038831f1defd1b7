"""What the tests of the live streams share: tokens, sockets of many sagas, the published schema."""

import base64
import json
import time
from datetime import timedelta
from typing import Any, Final

import httpx
import jsonschema
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.sync.client import connect

from sagas import tokens
from tests.logins import LOGIN, MODEL, TABLE, new_user
from tests.pages import ROOT
from tests.system.running import Running

DOCUMENT: Final = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
KINDS: Final = {
    "snapshot": "Snapshot",
    "ended": "Ended",
    "heartbeat": "Heartbeat",
    "list": "ListMessage",
    "error": "Error",
}


def check(message: dict[str, Any]) -> str:
    """The kind of a message from the server. Raises unless it is as docs/asyncapi.json says."""
    kind = "Event" if "seq" in message else KINDS[message["type"]]
    schema = {"$ref": f"#/components/schemas/{kind}", "components": DOCUMENT["components"]}
    jsonschema.validate(message, schema, jsonschema.Draft202012Validator)
    return kind


def make_user(running: Running, username: str, *, is_superuser: bool = False) -> None:
    statement, values = new_user(username, is_superuser=is_superuser)
    running.sql(statement, *values)


def token_of(running: Running, username: str, seconds_left: float = tokens.LIFETIME) -> str:
    """A token that ends so soon."""
    [(pk, password)] = running.sql(f"SELECT id, password FROM {TABLE} WHERE {LOGIN} = %s", username)
    user = MODEL(pk=pk, password=password)
    token, row = tokens.build(user, timedelta(seconds=seconds_left))
    running.sql(
        "INSERT INTO sagas_sagatoken (user_id, name, beginning, digest, password_hash, scopes,"
        " created_at, expires_at) VALUES (%s, '', %s, %s, %s, '[]', %s, %s)",
        *(pk, row.beginning, row.digest, row.password_hash, row.created_at, row.expires_at),
    )
    return token


def as_subprotocol(token: str) -> str:
    return f"bearer.{base64.urlsafe_b64encode(token.encode()).decode().rstrip('=')}"


def many(running: Running, token: str | None = None, **options: Any) -> Any:
    """The socket of many sagas."""
    headers = {"Authorization": f"Bearer {token or running.token}"}
    url = f"{running.web_url.replace('http', 'ws', 1)}/ws/v1/sagas/"
    options.setdefault("max_queue", None)
    return connect(url, proxy=None, open_timeout=20, additional_headers=headers, **options)


def say(socket: Any, **message: Any) -> None:
    socket.send(json.dumps(message))


def hear(socket: Any, timeout: float = 20) -> dict[str, Any]:
    """The next message, as the schema says; a close is `{"closed": code, "reason": …}`."""
    try:
        message: dict[str, Any] = json.loads(socket.recv(timeout=timeout))
    except ConnectionClosed as closed:
        return close_of(closed)
    check(message)
    return message


def close_of(closed: ConnectionClosed) -> dict[str, Any]:
    close = closed.rcvd or Close(1006, "")  # as a browser has it, where there was no close
    return {"closed": close.code, "reason": close.reason}


def hear_until(socket: Any, wanted: Any, timeout: float = 20) -> list[dict[str, Any]]:
    """All messages up to the first that `wanted` likes, which is the last."""
    heard: list[dict[str, Any]] = []
    until = time.monotonic() + timeout
    while not heard or not wanted(heard[-1]):
        assert heard == [] or "closed" not in heard[-1], heard[-3:]
        heard.append(hear(socket, max(0.1, until - time.monotonic())))
    return heard


def last_words(socket: Any) -> list[dict[str, Any]]:
    """The last message before the close, and the close. What came before is only read: to check
    thousands of messages takes minutes on a busy machine."""
    last = ""
    while True:
        try:
            last = socket.recv(timeout=20)
        except ConnectionClosed as closed:
            return [json.loads(last), close_of(closed)]


def is_close(message: dict[str, Any]) -> bool:
    return "closed" in message


def metric(running: Running, name: str) -> float:
    make_user(running, "watchman", is_superuser=True)
    headers = {"Authorization": f"Bearer {token_of(running, 'watchman')}"}
    text = httpx.get(f"{running.web_url}/metrics", headers=headers, trust_env=False).text
    [line] = [line for line in text.splitlines() if line.rpartition(" ")[0] == name]
    return float(line.rpartition(" ")[2])


SLOW = "sagas_streams_slow_readers_total"


def wait_for_a_slow_reader(running: Running, before: float) -> None:
    until = time.monotonic() + 15
    while metric(running, SLOW) <= before:
        assert time.monotonic() < until, "it was not found to be slow"


HISTORY = """
WITH found AS (SELECT id, last_seq FROM sagas_sagaexecution WHERE saga_id = %s),
more AS (
    INSERT INTO sagas_sagaevent (execution_id, seq, type, at, status, data)
    SELECT id, last_seq + n, 'step.late', now(), 'running',
           jsonb_build_object('filler', repeat(md5(n::text), 32))
    FROM found, generate_series(1, %s) AS n
)
UPDATE sagas_sagaexecution x SET last_seq = x.last_seq + %s FROM found WHERE x.id = found.id
RETURNING x.last_seq
"""


def lengthen(running: Running, saga_id: str) -> int:
    """Adds 20 MB of events, more than all buffers hold; the number of the last one."""
    running.wait_for(saga_id, "step.claimed")
    [(last,)] = running.sql(HISTORY, saga_id, 20_000, 20_000)
    return int(last)
