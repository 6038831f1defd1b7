"""One table from what goes wrong to what HTTP says, and the one form in which it is said."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import RawPostDataException
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from sagas.errors import (
    BadInput,
    Conflict,
    LockHeld,
    NoSuchExecution,
    OperationRefused,
    SagaError,
    UnknownSaga,
)

STATUS: Final[dict[type[SagaError], tuple[int, str]]] = {
    BadInput: (422, "bad_input"),
    UnknownSaga: (422, "unknown_saga"),
    Conflict: (409, "conflict"),
    LockHeld: (409, "locked"),
    OperationRefused: (409, "refused"),
    NoSuchExecution: (404, "not_found"),
}

CONTENT_TYPE: Final = "application/problem+json"

TITLES: Final = {
    "bad_input": "The request has fields that can't be used",
    "conflict": "The saga_id is taken",
    "failed": "The server failed",
    "forbidden": "You may not do that",
    "locked": "Another saga holds a lock that this one needs",
    "malformed": "The request can't be read",
    "not_allowed": "The address does not accept the method",
    "not_authenticated": "Nobody is logged in",
    "not_found": "There is nothing at this address",
    "refused": "It makes no sense in the present state",
    "too_large": "The request is too large",
    "unknown_saga": "No such saga is defined here",
}
"""The same for every problem of its kind."""

WORDS: Final = {400: "malformed", 403: "forbidden", 404: "not_found", 413: "too_large"}
"""For what goes wrong before the engine is asked."""


MOST_TOLD: Final = 20
"""Fields at fault in one answer. Who has more to put right will ask again."""

MOST_NAME: Final = 100
MOST_TEXT: Final = 300
MOST_DETAIL: Final = 1000
"""Characters of a field's name, of what is said about it, and of the detail. They may repeat what
was sent."""

MOST_BYTES: Final = 40_000
"""Of all fields as JSON, where a character may be twelve."""


def problem(
    status: int, word: str, detail: str, fields: Mapping[str, str], more: int = 0
) -> dict[str, Any]:
    """The body of every error, as in RFC 9457. Without a detail it is made of the fields; `more`
    are at fault."""
    shown = {}
    left = MOST_BYTES
    for name, text in islice(fields.items(), MOST_TOLD):
        name, text = _cut(name, MOST_NAME), _cut(text, MOST_TEXT)
        left -= len(json.dumps([name, text]))
        if left < 0:
            break
        shown[name] = text
    more += len(fields) - len(shown)
    said = detail or "; ".join(f"{name}: {text}" for name, text in shown.items())
    said = _cut(said, MOST_DETAIL)
    if more > 0:
        said = f"{said} And {more:,} more."
    return {
        "type": f"urn:sagas:problem:{word}",
        "title": TITLES[word],
        "status": status,
        "detail": said,
        "error": word,
        "fields": shown,
        "more": more,
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


Answer = tuple[int, str, str, Mapping[str, str], int]
"""Status, word, detail, fields, and how many more fields there are."""


def install(api: NinjaAPI) -> None:
    """Makes `api` answer every error in this module's form."""

    def answer(tell: Callable[[Any], Answer], request: HttpRequest, error: Any) -> HttpResponse:
        status, word, detail, fields, more = tell(error)
        body = problem(status, word, detail, fields, more)
        response = api.create_response(request, body, status=status)
        response.headers["Content-Type"] = CONTENT_TYPE
        return response

    for kind, tell in ANSWERS.items():
        api.add_exception_handler(kind, partial(answer, tell))
    api.add_exception_handler(Exception, _raise)


def _raise(request: HttpRequest, error: Any) -> HttpResponse:
    raise error  # Django logs it and tells of it; `json_problems` puts its answer into words


def _refusal(error: SagaError) -> Answer:
    status, word = STATUS[type(error)]
    if isinstance(error, UnknownSaga):
        return status, word, str(error), {"saga_type": str(error)}, 0
    message = "" if isinstance(error, BadInput) else str(error)
    return status, word, message, error.fields, error.more


def _invalid(error: ValidationError) -> Answer:
    fields = {_path(item["loc"]): str(item["msg"]) for item in error.errors}
    return 422, "bad_input", "", fields, 0


def _http_error(error: HttpError) -> Answer:
    # Ninja hides what the parser said behind "Cannot parse request body".
    said = error.__cause__ if isinstance(error.__cause__, HttpError) else error
    return said.status_code, WORDS.get(said.status_code, "refused"), str(said), {}, 0


def _too_large(error: RequestDataTooBig) -> Answer:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return 413, "too_large", f"The body is larger than {limit:,} bytes. Send less.", {}, 0


def _always(status: int, word: str, message: str) -> Callable[[Any], Answer]:
    return lambda error: (status, word, message, {}, 0)


ANSWERS: Final[Mapping[type[Exception], Callable[[Any], Answer]]] = {
    SagaError: _refusal,
    ValidationError: _invalid,
    AuthenticationError: _always(
        401,
        "not_authenticated",
        "Send `Authorization: Bearer TOKEN` (manage.py saga token) or log in.",
    ),
    HttpError: _http_error,
    Http404: _always(404, "not_found", "There is nothing at this address."),
    RawPostDataException: _always(400, "malformed", "The body is a form. Send JSON."),
    RequestDataTooBig: _too_large,
}
"""For the most special kind that an error is of; any other error is Django's to answer."""


def _path(location: tuple[Any, ...]) -> str:
    """`("body", "payload", "context", "a")` → `context.a`, `("query", "after")` → `after`: the
    parts that the caller wrote."""
    written = location[2:] if location[0] == "body" else location[1:]
    return ".".join(str(part) for part in written) or "body"
