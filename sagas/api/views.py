"""The endpoints to start sagas, and to look at them."""

from dataclasses import asdict
from typing import Annotated, Any, Final

from django.http import HttpResponse
from django.urls import resolve, reverse
from ninja import Query, Router, Status
from pydantic import Field

from sagas import engine, queries, users
from sagas.access import policy, right_for
from sagas.api.access import forbidden, require_first_signal, require_start
from sagas.api.fields import Version
from sagas.api.requests import BulkRequest, FilterRequest, StartRequest
from sagas.api.schemas import (
    Adoption,
    Events,
    Execution,
    Executions,
    Problem,
    StartedSagas,
    WayBack,
)
from sagas.errors import BadInput, Conflict, LockHeld
from sagas.machine import Adopt

router = Router()

After = Annotated[int, Field(ge=0, lt=1 << 63, description="Events above this number.")]
Before = Annotated[
    int | None, Field(ge=1, lt=1 << 63, description="The `next_before` of the previous page.")
]
HIDDEN: Final = (
    "Nothing was started: saga_ids of the request are taken. Choose others, or let them be made."
)
"""Which, is not said if one is of somebody else: one request would tell of thousands."""

Limit = Annotated[int, Field(ge=1, le=queries.MOST_LISTED, description="Executions per page.")]


@router.post(
    "/sagas",
    response={
        **{201: Execution, 200: Execution},
        **dict.fromkeys((400, 403, 409, 422), Problem),
    },
)
def start(request: Any, response: HttpResponse, payload: StartRequest) -> Status[dict[str, Any]]:
    """Start a saga, and signal it if you like. 201 if it is new; 200 if the same request made it
    before. `Location` is where to look at it."""
    require_start(request.auth, payload.saga_type)
    given = {**dict(payload), "owner_id": request.auth.pk}
    first = given.pop("signal")
    if first is None:
        started = engine.start(**given)
    elif payload.saga_id is None:
        raise BadInput({"saga_id": "is needed: it says which saga gets the signal."})
    else:
        saga = queries.definition(payload.saga_type, payload.version)
        begun = queries.as_if_started(saga, payload.saga_id, payload.context, request.auth)
        require_first_signal(request.auth, begun, first.name)
        by = users.name_of(request.auth)
        started = engine.signal_with_start(**given, **dict(first), by=by)
    # Its owner has started it, so they see it here, be it with a token that is only for starts.
    found = queries.execution(started.saga_id, queries.OPERATOR)
    place = resolve(request.path).namespace
    response.headers["Location"] = reverse(f"{place}:show", args=[found.saga_id])
    return Status(201 if started.created else 200, queries.describe(found, request.auth))


@router.post(
    "/sagas/bulk",
    response={201: StartedSagas, 200: StartedSagas, 400: Problem, 409: Problem, 422: Problem},
)
def start_many(request: Any, payload: BulkRequest) -> Status[dict[str, Any]]:
    """Start many sagas of one type: all of them, or none if one is refused; `fields` says which,
    by its place from 0. 201 if one is new; 200 if the same requests made all of them before."""
    require_start(request.auth, payload.saga_type)
    sagas = payload.new_sagas()
    try:
        started = engine.start_many(
            payload.saga_type, sagas, version=payload.version, owner_id=request.auth.pk
        )
    except LockHeld:
        raise
    except Conflict as error:
        taken = {number: sagas[number].saga_id for number in map(_number, error.fields)}
        seen = queries.seen_of([each for each in taken.values() if each], request.auth)
        if seen.issuperset(taken.values()):
            raise
        raise Conflict(HIDDEN) from None
    status = 201 if any(each.created for each in started) else 200
    return Status(status, {"sagas": [asdict(each) for each in started]})


@router.get("/sagas/bulk", response={200: Execution, 404: Problem}, include_in_schema=False)
def show_one_of_that_name(request: Any) -> dict[str, Any]:
    """A saga may have "bulk" for its saga_id."""
    return show(request, "bulk")


@router.get("/sagas", response={200: Executions, 404: Problem, 422: Problem})
def list_sagas(
    request: Any, wanted: Query[FilterRequest], before: Before = None, limit: Limit = 50
) -> dict[str, Any]:
    """Those that you may see, newest first; without `parent` none that is part of another."""
    if unknown := set(request.GET) - {*FilterRequest.model_fields, "before", "limit"}:
        raise BadInput(dict.fromkeys(sorted(unknown), "There is no such filter."))
    found = queries.page(wanted.as_filter(), request.auth, before=before, limit=limit)
    return {
        "sagas": [queries.summary(each) for each in found.executions],
        "next_before": found.next_before,
    }


@router.get("/sagas/{saga_id}", response={200: Execution, 404: Problem})
def show(request: Any, saga_id: str) -> dict[str, Any]:
    """One execution: its status, its context, and where each step stands."""
    return queries.describe(queries.execution(saga_id, request.auth), request.auth)


@router.get("/sagas/{saga_id}/events", response={200: Events, 404: Problem})
def events(request: Any, saga_id: str, after: After = 0) -> dict[str, Any]:
    """Its events with a number above `after`, in order, 500 at most."""
    found = queries.execution(saga_id, request.auth)
    page = [queries.describe_event(each) for each in queries.events_for(request.auth, found, after)]
    return {"events": page, "last_seq": page[-1]["seq"] if page else after}


@router.get("/sagas/{saga_id}/way-back", response={200: WayBack, 404: Problem, 422: Problem})
def way_back(request: Any, saga_id: str) -> Any:
    """What a cancel would undo, in order, or why it would be refused. Changes nothing."""
    return engine.preview(queries.execution(saga_id, request.auth).saga_id)


@router.get(
    "/sagas/{saga_id}/adoption", response={200: Adoption, 403: Problem, 404: Problem, 422: Problem}
)
def adoption(
    request: Any,
    saga_id: str,
    version: Version = None,
    leave: Annotated[list[str], Query(max_length=1000)] = [],  # noqa: B006  (nobody changes it)
) -> Any:
    """For administrators: what becomes of each step if it goes on by that definition, or why it
    can't. Changes nothing."""
    found = queries.execution(saga_id, request.auth)
    if not policy().may_operate(request.auth, found, Adopt):
        raise forbidden(request.auth, right_for(Adopt), found.saga_type)
    return engine.preview_adoption(found.saga_id, version, leave=leave)


def _number(field: str) -> int:
    """`sagas.3.saga_id` → 3."""
    return int(field.split(".")[1])
