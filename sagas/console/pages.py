"""What all pages have in common: who may open them, what they may load, and how they fail."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from sagas import users
from sagas.errors import NoSuchExecution

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

LOGIN: Final = reverse_lazy("sagas_console:login")


def guarded(view: View[P]) -> View[P]:
    """The view, whose page runs no script and loads no style but ours, and is kept by nobody."""

    @never_cache
    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = content_policy()
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return answer


def content_policy() -> str:
    """Static files may come from a host of their own."""
    place = urlsplit(str(settings.STATIC_URL))
    static = f"'self' {place.scheme or 'https'}://{place.netloc}" if place.netloc else "'self'"
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {static}",
            f"style-src {static}",
            f"img-src {static}",
            "connect-src 'self'",  # the page's own sockets, too (CSP 3, 6.7.2.8)
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def page(view: View[P]) -> View[P]:
    """A page for somebody who is logged in. What they may not see or do is told in words."""

    @guarded
    @login_required(login_url=LOGIN)
    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except NoSuchExecution as error:
            title = _("There is nothing here")
            hint = _(
                "Either no saga has this id, or you may not see it. Who owns a saga sees it, and "
                "whoever has the permission to view its type."
            )
            return trouble(request, title, str(error), hint, status=404)
        except Http404:
            return trouble(
                request, _("There is nothing here"), _("No page has this address."), status=404
            )
        except PermissionDenied as error:
            title = _("You may not do that")
            hint = _("Ask whoever gives out permissions here. Nothing was changed.")
            return trouble(request, title, str(error), hint, status=403)

    return answer


def show(
    request: HttpRequest, template: str, named: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    """The page of that template, for whoever asks."""
    who = {"viewer": users.name_of(request.user)} if request.user.is_authenticated else {}
    return render(request, f"sagas/console/{template}.html", {**who, **named}, status=status)


def trouble(
    request: HttpRequest, title: str, said: str, hint: str = "", *, status: int
) -> HttpResponse:
    """The page that says what went wrong, and what to do."""
    return show(request, "trouble", {"title": title, "said": said, "hint": hint}, status)
