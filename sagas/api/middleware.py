"""Every error under the API's address in the API's own form, whoever answers it."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import NoReverseMatch, reverse
from django.utils.decorators import sync_and_async_middleware

from sagas.api.problems import CONTENT_TYPE, problem

PLACE: Final = "sagas:api:api-root"
"""By which Django knows where the API is mounted."""

JSON: Final = ("application/json", CONTENT_TYPE)

MESSAGES: Final = {
    400: ("malformed", "Django could not read the request."),
    403: ("forbidden", "You don't have permission to do that."),
    404: ("not_found", "There is nothing at this address. See `docs` beside it."),
    405: (
        "not_allowed",
        "This address does not accept the method. The header `Allow` lists those that it accepts.",
    ),
    413: ("too_large", "The request is too large. Send less."),
    500: ("failed", "The server failed. Its log says why. Try again later."),
}

Answer = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def json_problems(get_response: Answer) -> Answer:
    """Puts Django's own errors below the API into JSON: 404, 405, 400, 413, 500, with DEBUG or
    without. It has to be the first in `MIDDLEWARE`, to see what the others answer."""
    if iscoroutinefunction(get_response):

        async def answer_later(request: HttpRequest) -> HttpResponseBase:
            awaited: Awaitable[HttpResponseBase] = get_response(request)
            return _in_json(request, await awaited)

        return answer_later

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _in_json(request, get_response(request))

    return answer


def _in_json(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.status_code < 400 or response.headers.get("Content-Type", "").startswith(JSON):
        return response
    if not request.path.startswith(_prefixes(request)):
        return response
    status = response.status_code
    word, message = MESSAGES.get(status, ("refused", f"{HTTPStatus(status).phrase}."))
    answer = JsonResponse(
        problem(status, word, message, {}), status=status, content_type=CONTENT_TYPE
    )
    for name, value in response.headers.items():
        if name not in ("Content-Type", "Content-Length", "Content-Encoding"):
            answer.headers[name] = value
    answer.cookies = response.cookies
    return answer


def _prefixes(request: HttpRequest) -> tuple[str, ...]:
    """Where errors are the API's: where it is mounted, and all of `/api/`."""
    try:
        place = reverse(PLACE, urlconf=getattr(request, "urlconf", None))
    except NoReverseMatch:
        return ("/api/",)
    return place, "/api/"
