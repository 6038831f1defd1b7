"""One table from what goes wrong to what HTTP says, and the one form in which it is said."""

from typing import Any, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from sagas.errors import (
    BadInput,
    Conflict,
    Locked,
    NoSuchExecution,
    Refused,
    SagaError,
    UnknownSaga,
)

STATUS: Final[dict[type[SagaError], tuple[int, str]]] = {
    BadInput: (422, "bad_input"),
    UnknownSaga: (422, "unknown_saga"),
    Conflict: (409, "conflict"),
    Locked: (409, "locked"),
    Refused: (409, "refused"),
    NoSuchExecution: (404, "not_found"),
}

WORDS: Final = {400: "malformed", 403: "forbidden"}
"""For what goes wrong before the engine is asked."""


def install(api: NinjaAPI) -> None:
    """Makes `api` answer every error in this module's form."""

    def answer(
        request: HttpRequest, status: int, word: str, message: str, fields: dict[str, str]
    ) -> HttpResponse:
        return api.create_response(
            request, {"error": word, "message": message, "fields": fields}, status=status
        )

    @api.exception_handler(SagaError)
    def on_refusal(request: HttpRequest, error: SagaError) -> HttpResponse:
        status, word = STATUS[type(error)]
        fields = dict(error.fields)
        if isinstance(error, UnknownSaga):
            fields = {"saga_type": str(error)}
        return answer(request, status, word, str(error), fields)

    @api.exception_handler(ValidationError)
    def on_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        fields = {_path(item["loc"]): str(item["msg"]) for item in error.errors}
        message = "; ".join(f"{name}: {text}" for name, text in fields.items())
        return answer(request, 422, "bad_input", message, fields)

    @api.exception_handler(HttpError)
    def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
        # Ninja hides what the parser said behind "Cannot parse request body".
        said = error.__cause__ if isinstance(error.__cause__, HttpError) else error
        return answer(
            request, said.status_code, WORDS.get(said.status_code, "refused"), str(said), {}
        )

    @api.exception_handler(RawPostDataException)
    def on_form(request: HttpRequest, error: RawPostDataException) -> HttpResponse:
        return answer(request, 400, "malformed", "The body is a form. Send JSON.", {})

    @api.exception_handler(RequestDataTooBig)
    def on_too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        message = f"The body is larger than {limit:,} bytes. Send less."
        return answer(request, 413, "too_large", message, {})

    @api.exception_handler(AuthenticationError)
    def on_stranger(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        message = "Send `Authorization: Bearer TOKEN` (manage.py saga_token) or log in."
        return answer(request, 401, "not_authenticated", message, {})


def _path(location: tuple[Any, ...]) -> str:
    """`("body", "payload", "context", "a")` → `context.a`, `("query", "after")` → `after`: the
    parts that the caller wrote."""
    written = location[2:] if location[0] == "body" else location[1:]
    return ".".join(str(part) for part in written) or "body"
