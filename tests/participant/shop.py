"""A stranger's service in plain Django: it charges and refunds. A charge is a row of auth's groups,
which stand for whatever table the service has.
"""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.test import RequestFactory

from saga_participant.decorators import compensates, idempotent
from saga_participant.models import Receipt
from saga_participant.problems import Problem, RequestRefused
from saga_participant.requests import idempotency_key

ASKED: dict[str, Callable[[], HttpResponse]] = {}
"""What else a charge answers, after its effect, if the request asks for it."""


def asked(answer: Callable[[], HttpResponse]) -> Callable[[], HttpResponse]:
    ASKED[answer.__name__] = answer
    return answer


@asked
def raise_refused() -> HttpResponse:
    raise RequestRefused(402, "card_declined", "The bank declined the card: use another.")


@asked
def return_409() -> HttpResponse:
    return JsonResponse({"error": "sold_out"}, status=409)


@asked
def raise_404() -> HttpResponse:
    raise Http404("No such card.")


@asked
def raise_403() -> HttpResponse:
    raise PermissionDenied


@asked
def return_503() -> HttpResponse:
    return JsonResponse({"error": "busy"}, status=503)


@asked
def return_429() -> HttpResponse:
    return JsonResponse({"error": "slower"}, status=429)


@asked
def raise_problem() -> HttpResponse:
    raise Problem(423, "closed_for_now", "The till is closed: come again tomorrow.")


@asked
def raise_anything() -> HttpResponse:
    raise RuntimeError("a bug")


@asked
def return_a_dict() -> HttpResponse:
    answer: Any = {"charge": 1}
    return answer


@asked
def return_too_much() -> HttpResponse:
    return HttpResponse(b"x" * 300_000)


def nothing_happens(key: str) -> None:
    """Between effect and answer, as a rule."""


class Shop:
    """The two views; `meanwhile(key)` runs between the effect and its commit."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[str], None] = nothing_happens
        self.charge = idempotent("shop.charge")(self._charge)
        self.refund = compensates("shop.charge")(self._refund)

    def _charge(self, request: HttpRequest) -> HttpResponse:
        key, wanted = idempotency_key(request), json.loads(request.body)
        charge = Group.objects.create(name=f"charge {uuid4().hex}")
        self.meanwhile(key)
        if "ask" in wanted:
            return ASKED[wanted["ask"]]()
        return JsonResponse({"charge": charge.pk}, status=201)

    def _refund(self, request: HttpRequest, action: Receipt) -> None:
        Group.objects.get(pk=action.answer()["charge"]).delete()
        Group.objects.create(name=f"refund {uuid4().hex}")
        self.meanwhile(action.key)
        if "ask" in json.loads(request.body):
            raise RequestRefused(409, "bank_is_closed", "The bank gives nothing back on Sundays.")


def post(
    view: Callable[..., HttpResponse], key: str | None, body: object, **more: Any
) -> HttpResponse:
    """What a POST of `body` as JSON is answered."""
    headers = {} if key is None else {"Idempotency-Key": key}
    request = RequestFactory().post(
        "/shop", json.dumps(body), content_type="application/json", headers=headers, **more
    )
    return view(request)


def effects() -> list[str]:
    """What has been done and committed: `charge` for each that stands, `refund` for each undone."""
    return [name.split()[0] for name in Group.objects.order_by("pk").values_list("name", flat=True)]
