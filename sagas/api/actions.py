"""The endpoints that act on what runs. Who does it is who is logged in."""

from typing import Any, Final

from ninja import Router, Status
from pydantic import ValidationError

from sagas import engine, queries, users
from sagas.access import policy, right_for
from sagas.api import views
from sagas.api.access import only, operators, who_may, who_may_signal
from sagas.api.requests import (
    ActionRequest,
    AdoptRequest,
    AmendRequest,
    CancelRequest,
    ManyRequest,
    PauseRequest,
    RescheduleRequest,
    ResolveRequest,
    ResumeRequest,
    RetryRequest,
    SignalRequest,
    SkipRequest,
)
from sagas.api.schemas import Execution, ManyResult, Problem
from sagas.errors import BadInput
from sagas.machine import (
    Adopt,
    Amend,
    Cancel,
    Operation,
    Pause,
    Reschedule,
    Resolve,
    Resume,
    Skip,
    TryAgain,
)

router = Router()

ANSWERS: Final[dict[int, Any]] = {
    200: Execution,
    400: Problem,
    403: Problem,
    404: Problem,
    409: Problem,
    422: Problem,
}

REQUESTS: Final[dict[str, type[ActionRequest]]] = {
    "cancel": CancelRequest,
    "pause": PauseRequest,
    "resume": ResumeRequest,
    "retry": RetryRequest,
    "reschedule": RescheduleRequest,
    "skip": SkipRequest,
    "resolve": ResolveRequest,
    "amend": AmendRequest,
    "adopt": AdoptRequest,
}


@router.post("/sagas/actions", response={**ANSWERS, 200: ManyResult}, auth=only(operators))
def act_on_many(request: Any, payload: ManyRequest) -> dict[str, Any]:
    """For operators: the same action on all that match and that you may operate, newest first;
    each succeeds or is refused by itself. `dry_run` only counts them."""
    operation = _operation(payload, users.name_of(request.auth))
    wanted = payload.filter.as_filter()
    found = queries.targets(
        wanted,
        request.auth,
        right=right_for(type(operation)),
        before=payload.before,
        limit=payload.limit,
    )
    saga_ids = [each.saga_id for each in found.executions]
    result = engine.operate_on_many([] if payload.dry_run else saga_ids, operation)
    return {
        "matched": len(saga_ids),
        "done": result.done,
        "refused": result.refused,
        "next_before": found.next_before,
    }


@router.get("/sagas/actions", response=ANSWERS, include_in_schema=False)
def show_one_of_that_name(request: Any) -> dict[str, Any]:
    """A saga may have "actions" for its saga_id."""
    return views.show(request, "actions")


@router.post(
    "/sagas/{saga_id}/signals/{name}",
    response={**ANSWERS, 204: None},
    auth=only(who_may_signal),
)
def signal(request: Any, saga_id: str, name: str, payload: SignalRequest) -> Any:
    """Hand the wait of that name what it waits for. May come early. The same again, with the same
    `key` or without one, changes nothing; but without a key, a wait that collects takes each. Of a
    task in a saga that you may not see, nothing is told: 204."""
    by = users.name_of(request.auth)
    engine.signal(request.found.saga_id, name, payload.payload, key=payload.key, by=by)
    if not policy().may_view(request.auth, request.found):
        return Status(204, None)
    return queries.describe(queries.execution(saga_id, request.auth), request.auth)


@router.post("/sagas/{saga_id}/cancel", response=ANSWERS, auth=only(who_may(Cancel)))
def cancel(request: Any, saga_id: str, payload: CancelRequest) -> dict[str, Any]:
    """Turn back: what is in flight settles, then what happened is undone. Not past the pivot."""
    return _act(request, payload)


@router.post("/sagas/{saga_id}/pause", response=ANSWERS, auth=only(who_may(Pause)))
def pause(request: Any, saga_id: str, payload: PauseRequest) -> dict[str, Any]:
    """For operators: start nothing more, in either direction, until it is resumed."""
    return _act(request, payload)


@router.post("/sagas/{saga_id}/resume", response=ANSWERS, auth=only(who_may(Resume)))
def resume(request: Any, saga_id: str, payload: ResumeRequest) -> dict[str, Any]:
    """For operators: go on, in the direction in which it was paused."""
    return _act(request, payload)


@router.post("/sagas/{saga_id}/retry", response=ANSWERS, auth=only(who_may(TryAgain)))
def retry(request: Any, saga_id: str, payload: RetryRequest) -> dict[str, Any]:
    """For operators: try again what gave up, with all its attempts; or now what is due later."""
    return _act(request, payload)


@router.post("/sagas/{saga_id}/reschedule", response=ANSWERS, auth=only(who_may(Reschedule)))
def reschedule(request: Any, saga_id: str, payload: RescheduleRequest) -> dict[str, Any]:
    """For operators: move what a step waits for: the end of a sleep, the timeout of a wait, or its
    next attempt. A moment that has passed means now."""
    return _act(request, payload)


@router.post("/sagas/{saga_id}/skip", response=ANSWERS, auth=only(who_may(Skip)))
def skip(request: Any, saga_id: str, payload: SkipRequest) -> dict[str, Any]:
    """For operators: go on as if the step had succeeded and had returned `changes`."""
    return _act(request, payload)


@router.post("/sagas/{saga_id}/resolve", response=ANSWERS, auth=only(who_may(Resolve)))
def resolve(request: Any, saga_id: str, payload: ResolveRequest) -> dict[str, Any]:
    """For operators: take a compensation that gave up as done by hand, or a pivot whose outcome was
    unknown as not happened."""
    return _act(request, payload)


@router.post("/sagas/{saga_id}/amend", response=ANSWERS, auth=only(who_may(Amend)))
def amend(request: Any, saga_id: str, payload: AmendRequest) -> dict[str, Any]:
    """For operators: change keys of the context of a saga that has failed, or is paused."""
    return _act(request, payload)


@router.post("/sagas/{saga_id}/adopt", response=ANSWERS, auth=only(who_may(Adopt)))
def adopt(request: Any, saga_id: str, payload: AdoptRequest) -> dict[str, Any]:
    """For administrators: go on by another definition of its type, on purpose. `GET …/adoption`
    shows before what that means."""
    return _act(request, payload)


def _act(request: Any, payload: ActionRequest) -> dict[str, Any]:
    saga_id = request.found.saga_id
    engine.operate(saga_id, payload.operation(users.name_of(request.auth)))
    return queries.describe(queries.execution(saga_id, request.auth), request.auth)


def _operation(payload: ManyRequest, by: str) -> Operation | Adopt:
    """The action as it would be asked for alone. Raises `BadInput` as that would."""
    names = {"reason", "step", "moment", "changes", "version", "leave"} & payload.model_fields_set
    given = {name: getattr(payload, name) for name in names}
    try:
        return REQUESTS[payload.action].model_validate(given).operation(by)
    except ValidationError as error:
        fields = {".".join(map(str, each["loc"])): each["msg"] for each in error.errors()}
        raise BadInput(fields) from error
