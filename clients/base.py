"""One HTTP call to a service: bounded in time and size, and its failure classified.

A new client is one short class, see `clients.users`. The engine repeats failed calls, under the
same key; nothing is repeated here.
"""

import json
import os
import threading
from typing import Any, ClassVar, Final
from urllib.parse import quote

import requests
from django.conf import settings
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from clients.errors import NoAnswer, NotSent, Refused

CONNECT_TIMEOUT: Final = 1.0
"""Seconds to a connection. Services stand in the same network: slower is down."""

READ_TIMEOUT: Final = 2.0
"""Seconds between two bytes of an answer. With the connect timeout it stays below the shortest
step timeout in use, so that a slow service is told from a hung worker."""

ANSWER_LIMIT: Final = 1024 * 1024
"""Bytes of an answer. An answer goes into a context, which holds a quarter of that."""

EXCERPT: Final = 200
"""Characters of a refusal that an error shows."""

RETRIED_REFUSALS: Final = frozenset({408, 425, 429})
"""4xx that say "not now": the request may be sent again (RFC 9110 15.5.9, RFC 8470, RFC 6585)."""

NEVER_LEFT: Final = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidJSONError,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)
"""What requests raises before it has a connection."""

_local = threading.local()


class ServiceClient:
    """Calls one service. Holds no state: any thread may use it."""

    service: ClassVar[str]

    def get(self, path: str, *, key: str | None = None) -> dict[str, Any]:
        """The JSON object at `path`. Raises `Refused`, `NotSent` or `NoAnswer`."""
        return self._call("GET", path, key, None)

    def post(self, path: str, body: dict[str, Any], *, key: str) -> dict[str, Any]:
        """Sends `body` under the idempotency key `key`; the service does it once, however often
        it is sent. Raises `Refused`, `NotSent` or `NoAnswer`."""
        return self._call("POST", path, key, body)

    def _call(
        self, method: str, path: str, key: str | None, body: dict[str, Any] | None
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            with _session().request(
                method,
                self._address() + path,
                json=body,
                headers=headers,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                allow_redirects=False,
                stream=True,
            ) as response:
                status, content = response.status_code, _read(response)
        except requests.RequestException as error:
            failure = NotSent if _was_not_sent(error) else NoAnswer
            raise failure(self.service, method, path, _reason(error)) from error
        excerpt = content[:EXCERPT].decode(errors="replace")
        if 400 <= status < 500 and status not in RETRIED_REFUSALS:
            raise Refused(
                self.service, method, path, f"refused ({status})", status=status, body=excerpt
            )
        if not 200 <= status < 300 or (answer := _json_object(content)) is None:
            reason = f"answered {status}, which is of no use"
            raise NoAnswer(self.service, method, path, reason, status=status, body=excerpt)
        return answer

    def _address(self) -> str:
        address: str = settings.SERVICE_URLS.get(self.service, "")
        if not address:
            raise NotSent(
                self.service,
                "CALL",
                "/",
                f"its address is not known. Set {self.service.upper()}_URL.",
            )
        return address.rstrip("/")


def segment(value: str) -> str:
    """`value` as one segment of a path. Raises ValueError for "", "." and "..", which are none."""
    if value in ("", ".", ".."):
        raise ValueError(f"{value!r} can't be a part of a path: it would name another one.")
    return quote(value, safe="")


def _session() -> requests.Session:
    """This thread's session, made after any fork: two processes must not share a connection."""
    if getattr(_local, "pid", None) != os.getpid():
        session = requests.Session()
        session.trust_env = False  # no proxies and no .netrc from the environment
        _local.session, _local.pid = session, os.getpid()
    session = _local.session
    assert isinstance(session, requests.Session)
    return session


def _read(response: requests.Response) -> bytes:
    content = b""
    for chunk in response.iter_content(64 * 1024):
        content += chunk
        if len(content) > ANSWER_LIMIT:
            raise requests.exceptions.ContentDecodingError(
                f"the answer is larger than {ANSWER_LIMIT} bytes"
            )
    return content


def _was_not_sent(error: requests.RequestException) -> bool:
    """Whether no byte can have reached the service: no connection was made."""
    if isinstance(error, NEVER_LEFT):
        return True
    cause: Any = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.ReadTimeout):
        return f"no answer within {READ_TIMEOUT} s"
    if _was_not_sent(error):
        return "no connection"
    return f"{type(error).__name__}: {error}"


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(content)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
