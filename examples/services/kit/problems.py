"""Errors, in the one JSON form that every service answers with, and that the kit answers with.

    {"error": "<machine_word>", "message": "<what happened and what to do>"}

An answer to invalid input has "fields" too: {"<field>": "<what is wrong with it>"}.
"""

import json
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from saga_participant.problems import Problem


def respond_with_problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The answer to a request that a view refused."""
    return problem.response()


def respond_to_invalid_input(request: HttpRequest, invalid: ValidationError) -> HttpResponse:
    """422 with the fields; a field inside a list is named by its place, as in `items.0.sku`."""
    fields = {
        field_name(error["loc"]): str(error["msg"]).removeprefix("Value error, ")
        for error in invalid.errors
    }
    message = f"The request is not valid: correct {', '.join(fields)}."
    return respond_with_problem(request, Problem(422, "invalid_request", message, fields))


def field_name(location: tuple[str | int, ...]) -> str:
    """The caller's name for a field: without its source and, in a body, our parameter's name."""
    parts = location[2:] if location[0] == "body" else location[1:]
    return ".".join(map(str, parts)) or str(location[0])


def respond_to_unreadable_body(request: HttpRequest, error: HttpError) -> HttpResponse:
    """The answer to a body that is not JSON, the only HttpError that the framework raises here."""
    message = f"{error.message}: send a JSON object."
    return respond_with_problem(request, Problem(error.status_code, "unreadable_body", message))


def add_problem_handlers(api: NinjaAPI) -> None:
    """Make `api` answer each error that a request may cause in the one JSON form."""
    api.exception_handler(Problem)(respond_with_problem)
    api.exception_handler(ValidationError)(respond_to_invalid_input)
    api.exception_handler(HttpError)(respond_to_unreadable_body)


def errors_as_json(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: put the framework's own errors (404, 405, 500) into the one JSON form."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code >= 400 and response["Content-Type"] != "application/json":
            status = HTTPStatus(response.status_code)
            error = status.phrase.lower().replace(" ", "_")
            message = f"{request.method} {request.path}: {status.description or status.phrase}."
            response.content = json.dumps({"error": error, "message": message})
            response["Content-Type"] = "application/json"
        return response

    return middleware
