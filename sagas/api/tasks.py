"""The endpoint that lists what waits for a person."""

from typing import Annotated, Any

from ninja import Query, Router
from pydantic import Field

from sagas import queries, users
from sagas.api.requests import TaskRequest
from sagas.api.schemas import Problem, Tasks
from sagas.errors import BadInput

router = Router()

After = Annotated[
    str | None, Field(max_length=40, description="The `next_after` of the previous page.")
]
Limit = Annotated[int, Field(ge=1, le=queries.MOST_LISTED, description="Tasks per page.")]


@router.get("/tasks", response={200: Tasks, 422: Problem})
def list_tasks(
    request: Any, wanted: Query[TaskRequest], after: After = None, limit: Limit = 50
) -> dict[str, Any]:
    """Those that you may do, in the order in which they are due; do one by its signal. Of a saga
    that you may not see, nothing else is told."""
    if unknown := set(request.GET) - {*TaskRequest.model_fields, "after", "limit"}:
        raise BadInput(dict.fromkeys(sorted(unknown), "There is no such filter."))
    login = users.name_of(request.auth)
    page = queries.tasks(wanted.as_filter(login), request.auth, after=after, limit=limit)
    return {"tasks": page.tasks, "next_after": page.next_after}
