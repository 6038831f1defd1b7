"""How a request's body is read: refused in words, whatever it is."""

import json
import re
from typing import Any, Final

from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.parser import Parser

MOST_VALUES: Final = 131_072
"""In one body. As Python's objects, so many take about twenty megabytes."""

MOST_CONTAINERS: Final = 32_768
"""Lists and objects among them: three for each of the most sagas that are started at once. An
object takes a quarter of a kilobyte."""

_MARK: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[,\[{]', re.DOTALL)
"""A string, or what stands before another value."""


class JsonBody(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        """The body as JSON. Raises `HttpError` 400, with the reason, if it is none, and 413 if it
        holds too much: that is told before anything is made of it."""
        body = request.body
        if _may_hold_too_much(body) and _holds_too_much(body):
            raise HttpError(
                413,
                f"The body has more than {MOST_VALUES:,} values, or {MOST_CONTAINERS:,} lists and "
                f"objects. Send less.",
            )
        try:
            return json.loads(body.decode("utf-8-sig"))
        except RecursionError:
            raise HttpError(400, "The body is nested too deeply. Flatten it.") from None
        except ValueError as error:
            # Besides bad syntax: bytes that are not UTF-8, and integers of over 4,300 digits.
            raise HttpError(400, f"The body is not JSON: {error}.") from None


def _may_hold_too_much(body: bytes) -> bool:
    """At a glance, which takes the commas and brackets in strings for others."""
    containers = body.count(b"[") + body.count(b"{")
    return containers > MOST_CONTAINERS or body.count(b",") + containers > MOST_VALUES


def _holds_too_much(body: bytes) -> bool:
    """One by one, as nothing may be made of them."""
    values = containers = 0
    for found in _MARK.finditer(body):
        mark = body[found.start()]
        if mark == ord('"'):
            continue
        values += 1
        containers += mark != ord(",")
        if values > MOST_VALUES or containers > MOST_CONTAINERS:
            return True
    return False
