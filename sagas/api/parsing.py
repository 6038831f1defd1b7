"""How a request's body is read: refused in words, whatever it is."""

import json
from typing import Any

from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.parser import Parser


class JsonBody(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        """The body as JSON. Raises `HttpError` 400, with the reason, if it is none."""
        try:
            return json.loads(request.body)
        except RecursionError:
            raise HttpError(400, "The body is nested too deep. Flatten it.") from None
        except ValueError as error:
            # Besides bad syntax: bytes that are not UTF-8, and integers of over 4,300 digits.
            raise HttpError(400, f"The body is not JSON: {error}.") from None
