"""What a service answered: read within limits of time and size, and judged."""

import json
import ssl
import time
from typing import Any, Final

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    SSLError,
)

ANSWER_LIMIT: Final = 1024 * 1024
"""Bytes of an answer. An answer goes into a context, which holds a quarter of that."""

EXCERPT: Final = 200
"""Characters of an answer that an error shows."""

RETRIED_REFUSALS: Final = frozenset({408, 425, 429})
"""4xx that say "not now": the request may be sent again (RFC 9110 15.5.9, RFC 8470, RFC 6585)."""

ACCEPTED: Final = {
    str: "text/*",
    dict: "application/json",
    list: "application/json",
    object: "application/json",
}
"""What a call may expect, and the Accept header that says so; `object` is any JSON value."""

NEVER_LEFT: Final = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidJSONError,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)
"""What requests raises before it has a connection."""


class Unusable(Exception):
    """An answer that can't be read or is of no use; says why."""


def read(response: requests.Response, within: float) -> bytes:
    """The whole body of a streamed response, as it was sent.

    Raises `Unusable` for one that is larger than `ANSWER_LIMIT` or takes longer than `within`
    seconds, and urllib3's `HTTPError` for one that breaks off.
    """
    end = time.monotonic() + within
    raw, parts, size = response.raw, [], 0
    # Not `read`: that waits until it has all it was asked for, and each byte starts its limit anew.
    while part := raw.read1(64 * 1024, decode_content=False):
        parts.append(part)
        size += len(part)
        if size > ANSWER_LIMIT:
            raise Unusable(f"its answer is larger than {ANSWER_LIMIT} bytes")
        if time.monotonic() > end:
            raise Unusable(f"its answer was not complete within {within} s")
    return b"".join(parts)


def parse(content_type: str, content: bytes, expect: type) -> Any:
    """What a 2xx answer holds: text for `expect=str`, else a JSON value of that type.

    None (or "") if it is empty. Raises `Unusable` for anything else.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if not content:
        return "" if expect is str else None
    if expect is str:
        if not kind.startswith("text/"):
            raise Unusable(f"it answered with {kind or 'no type'}, not with text")
        return _text(content)
    if kind != "application/json" and not kind.endswith("+json"):
        raise Unusable(f"it answered with {kind or 'no type'}, not with JSON")
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unusable("its answer is not JSON") from error
    if not isinstance(value, expect):
        raise Unusable(f"it answered with a {type(value).__name__}, not with a {expect.__name__}")
    return value


def excerpt(content: bytes) -> str:
    """A piece of an answer, fit for a log."""
    text = content[: 4 * EXCERPT].decode(errors="replace")[:EXCERPT]
    return "".join(char if char.isprintable() else " " for char in text).strip()


def is_refusal(status: int) -> bool:
    """Whether the service says that it did nothing, and never will."""
    return 400 <= status < 500 and status not in RETRIED_REFUSALS


def was_not_sent(error: requests.RequestException) -> bool:
    """Whether no byte of the request can have reached the service: no connection was made.

    A connection that is reset after it was made is not that: what was written may have been read.
    """
    if isinstance(error, NEVER_LEFT):
        return True
    cause = _cause(error)
    if isinstance(cause, SSLError):  # the certificate is looked at before anything is sent
        return any(isinstance(part, ssl.SSLCertVerificationError) for part in cause.args)
    return isinstance(cause, NewConnectionError | ConnectTimeoutError)


def reason(error: requests.RequestException | HTTPError) -> str:
    """What went wrong, without the objects that the libraries name."""
    if isinstance(error, requests.RequestException) and was_not_sent(error):
        return f"no connection: {_said(_cause(error))}"
    return f"no answer: {_said(_cause(error))}"


def _cause(error: Exception) -> object:
    cause = error.args[0] if error.args else error
    return cause.reason if isinstance(cause, MaxRetryError) else cause


def _said(cause: object) -> str:
    """urllib3 begins with the connection object: `HTTPConnection(host=…, port=…): text`."""
    return str(cause).rpartition("): ")[2] or type(cause).__name__


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Unusable("its answer is not UTF-8") from error
