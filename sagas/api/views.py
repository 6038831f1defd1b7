"""The endpoints."""

from typing import Annotated, Any

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.security import HttpBearer
from ninja.utils import check_csrf
from pydantic import Field

from sagas import engine, queries, tokens
from sagas.api import problems
from sagas.api.parsing import JsonBody
from sagas.api.schemas import Events, Execution, Problem, StartRequest


class BearerToken(HttpBearer):
    """`Authorization: Bearer TOKEN`, from `manage.py saga_token`."""

    def authenticate(self, request: HttpRequest, token: str) -> AbstractBaseUser | None:
        return tokens.user_of(token)


def browser_session(request: HttpRequest) -> AbstractBaseUser | None:
    """A logged-in browser. What changes something needs Django's CSRF token, too."""
    user = request.user
    if not isinstance(user, AbstractBaseUser):
        return None
    if check_csrf(request) is not None:
        raise HttpError(403, "A session needs a CSRF token: send its cookie as X-CSRFToken.")
    return user


api = NinjaAPI(
    title="Sagas",
    version="1",
    description="Start sagas, and see how far they are.",
    auth=[BearerToken(), browser_session],
    parser=JsonBody(),
)
problems.install(api)


After = Annotated[int, Field(ge=0, lt=1 << 63, description="Events above this number.")]


@api.post(
    "/sagas",
    response={201: Execution, 200: Execution, 400: Problem, 409: Problem, 422: Problem},
)
def start(request: Any, payload: StartRequest) -> tuple[int, dict[str, Any]]:
    """Start a saga. 201 if it is new; 200 if the same request made it before."""
    started = engine.start(
        payload.saga_type, payload.context, saga_id=payload.saga_id, owner_id=request.auth.pk
    )
    found = queries.execution(started.saga_id, request.auth)
    return 201 if started.created else 200, queries.describe(found)


@api.get("/sagas/{saga_id}", response={200: Execution, 404: Problem})
def show(request: Any, saga_id: str) -> dict[str, Any]:
    """One execution: its status, its context, and where each step stands."""
    return queries.describe(queries.execution(saga_id, request.auth))


@api.get("/sagas/{saga_id}/events", response={200: Events, 404: Problem})
def events(request: Any, saga_id: str, after: After = 0) -> dict[str, Any]:
    """Its events with a number above `after`, in order, 500 at most."""
    found = queries.execution(saga_id, request.auth)
    page = [queries.describe_event(event) for event in queries.events_after(found.pk, after)]
    return {"events": page, "last_seq": page[-1]["seq"] if page else after}
