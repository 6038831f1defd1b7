"""The endpoints that show which sagas can be started, and what each of them needs and does."""

from typing import Any, Final

from django.http import HttpResponse
from ninja import Router
from ninja.errors import HttpError

from sagas import queries
from sagas.api.fields import DefinitionVersion
from sagas.api.schemas import Definition, Problem, SagaTypes
from sagas.errors import UnknownSaga
from sagas.machine import Saga
from sagas.whatif.picture import picture

router = Router()

SVG: Final = "image/svg+xml"

DRAWN: Final[dict[str, Any]] = {
    "responses": {200: {"description": "A picture.", "content": {SVG: {"schema": {}}}}}
}


@router.get("/definitions", response=SagaTypes)
def list_definitions(request: Any) -> dict[str, Any]:
    """The saga types that can be started, by name."""
    return {"definitions": queries.saga_types()}


@router.get("/definitions/{saga_type}", response={200: Definition, 404: Problem, 422: Problem})
def show_definition(
    request: Any, saga_type: str, version: DefinitionVersion = None
) -> dict[str, Any]:
    """The steps of a saga type, and the JSON Schema of its input."""
    return queries.describe_definition(_definition(saga_type, version))


@router.get(
    "/definitions/{saga_type}/picture",
    response={404: Problem, 422: Problem},
    openapi_extra=DRAWN,
)
def draw_definition(
    request: Any, saga_type: str, version: DefinitionVersion = None
) -> HttpResponse:
    """The steps of a saga type as SVG."""
    return HttpResponse(picture(_definition(saga_type, version)), content_type=SVG)


def _definition(saga_type: str, version: int | None) -> Saga:
    try:
        return queries.definition(saga_type, version)
    except UnknownSaga as error:
        raise HttpError(404, str(error)) from error
