"""The addresses that every service has besides its own: health, ledger and faults."""

from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI, Router
from pydantic import Field

from examples.services.kit.models import Fault, LedgerEntry
from examples.services.kit.problems import add_problem_handlers
from examples.services.kit.schemas import FaultIn

router = Router()


def build_api(service_router: Router) -> NinjaAPI:
    """The whole API of one service: the kit's addresses and the service's own."""
    api = NinjaAPI(docs_url=None, openapi_url=None)
    add_problem_handlers(api)
    api.add_router("", router)
    api.add_router("", service_router)
    return api


@router.get("/health")
def get_health(request: HttpRequest) -> dict[str, str]:
    """200 as soon as the service answers at all."""
    return {"status": "ok", "service": settings.SERVICE}


@router.get("/ledger")
def get_ledger(
    request: HttpRequest,
    key_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:~-]{0,400}$")] = "",
) -> HttpResponse:
    """All entries whose key starts with `key_prefix`, oldest first; not paged."""
    entries = LedgerEntry.objects.filter(key__startswith=key_prefix).order_by("pk")
    return JsonResponse(
        list(entries.values("id", "key", "kind", "subject", "amount", "at")), safe=False
    )


@router.get("/faults")
def get_faults(request: HttpRequest) -> list[dict[str, Any]]:
    """The faults, oldest first, with how often each has `fired`."""
    return [describe(fault) for fault in Fault.objects.order_by("pk")]


@router.post("/faults")
def post_fault(request: HttpRequest, fault: FaultIn) -> HttpResponse:
    """Add a fault; 201 with what was added."""
    return JsonResponse(describe(Fault.objects.create(**fault.model_dump())), status=201)


@router.delete("/faults")
def delete_faults(request: HttpRequest) -> HttpResponse:
    """Clear all faults; 204. Requests that one has already hit are mistreated to their end."""
    Fault.objects.all().delete()
    return HttpResponse(status=204)


def describe(fault: Fault) -> dict[str, Any]:
    """A fault as it was asked for, with its number and how often it has fired."""
    asked = {name: getattr(fault, name) for name in FaultIn.model_fields}
    return {"id": fault.pk, **asked, "fired": fault.fired}
