"""The pages: complete without a script; `tracking.js` then keeps an order's page up to date."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec
from urllib.parse import quote
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import get_script_prefix
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from pydantic import ValidationError

from realtime import conversations
from realtime.conversations import SAGA_TYPE, MessageRefused, NotAssigned
from realtime.frames import Say
from realtime.models import TEXT_LENGTH
from realtime.order_progress import HEADLINES, LABELS, PAUSED, SIGNS, progress_of
from sagas import access, queries
from sagas.errors import NoSuchExecution

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",  # the page's own sockets, too (CSP 3, 6.7.2.8)
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def guarded(view: View[P]) -> View[P]:
    """The view, whose page runs no script and loads no style but ours, and is kept by nobody."""

    @never_cache
    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return answer


def of_an_order(view: View[[str]]) -> View[[str]]:
    """A view of somebody who is logged in, of an order that they may see; 404 for others, and for
    the staff who are not on it a page that says so."""

    @guarded
    @login_required(login_url="realtime:login")
    @wraps(view)
    def answer(request: HttpRequest, saga_id: str) -> HttpResponseBase:
        try:
            return view(request, saga_id)
        except NoSuchExecution:
            raise Http404("There is no such order that you may see.") from None
        except NotAssigned as error:
            named = {"saga_id": saga_id, "may_join": error.may_join}
            return render(request, "realtime/not_on_it.html", named, status=403)

    return answer


@guarded
@login_required(login_url="realtime:login")
@require_GET
def orders(request: HttpRequest) -> HttpResponse:
    """The newest orders of a customer; for the staff, of everybody."""
    page = queries.page(queries.Filter(saga_type=SAGA_TYPE), request.user, limit=50)
    rows = []
    for execution in page.executions:
        found = queries.summary(execution)
        is_paused = found["paused"] and found["finished_at"] is None
        state = (PAUSED if is_paused else HEADLINES[found["status"]])[0]
        rows.append({**found, "state": state, "sign": SIGNS[state], "label": LABELS[state]})
    sees_all = access.policy().reach(request.user, access.Right.VIEW).covers(SAGA_TYPE)
    return render(request, "realtime/orders.html", {"orders": rows, "sees_all": sees_all})


@of_an_order
@require_GET
def order(request: HttpRequest, saga_id: str) -> HttpResponse:
    """Where it stands, and its conversation: the newest messages, or those `?before=` a number."""
    place = conversations.enter(saga_id, request.user)
    text = request.GET.get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
    found = conversations.messages_before(place.conversation_id, before)
    named = {
        "place": place,
        "progress": progress_of(saga_id, request.user),
        "lines": [(each, each.author_id == request.user.pk) for each in found],
        "last_number": found[-1].number if found else 0,
        "earlier": found[0].number if found and found[0].number > 1 else None,
        "is_live": before is None,
        "socket": f"{get_script_prefix()}ws/v1/orders/{quote(saga_id, safe='')}/",
        "new_id": uuid4(),
        "text_length": TEXT_LENGTH,
    }
    return render(request, "realtime/order.html", named)


@of_an_order
@require_POST
def say(request: HttpRequest, saga_id: str) -> HttpResponse:
    """A message from a page without a script. Those who look on see it within two seconds."""
    try:
        said = Say.model_validate(
            {"type": "say", "id": request.POST.get("id"), "text": request.POST.get("text", "")}
        )
        conversations.say(saga_id, request.user, said.id, said.text)
    except ValidationError as error:
        messages.error(request, f"Not sent: {error.errors()[0]['msg']}.")
    except MessageRefused as why:
        messages.error(request, f"Not sent. {why}")
    return redirect("realtime:order", saga_id)


@of_an_order
@require_POST
def join(request: HttpRequest, saga_id: str) -> HttpResponse:
    """Puts somebody of the staff on the order."""
    try:
        conversations.join(saga_id, request.user)
    except NotAssigned:
        raise PermissionDenied("You need the permission realtime.add_assignment.") from None
    return redirect("realtime:order", saga_id)


@of_an_order
@require_POST
def leave(request: HttpRequest, saga_id: str) -> HttpResponse:
    """Takes them off it."""
    conversations.leave(saga_id, request.user)
    return redirect("realtime:orders")
