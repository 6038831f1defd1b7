"""The HTTP API, `/api/v1/`. It parses, asks the engine, and renders; the rules are below it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, set_response_etag
from ninja import NinjaAPI

from sagas.api import actions, definitions, problems, tasks, views
from sagas.api.access import BearerToken, browser_session
from sagas.api.parsing import JsonBody
from sagas.non_atomic import non_atomic_urls


class _Api(NinjaAPI):
    @property
    def urls(self) -> tuple[list[Any], str, str]:
        patterns, app_name, namespace = super().urls
        return non_atomic_urls(patterns), app_name, namespace

    def create_response(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Nobody keeps an answer; but who asks again, with its ETag, is told if it is the same."""
        response = super().create_response(request, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        if request.method != "GET" or response.status_code != 200:
            return response
        set_response_etag(response)
        etag = response.headers["ETag"]
        return get_conditional_response(request, etag=etag, response=response) or response


api = _Api(
    title="Sagas",
    version="1",
    urls_namespace="sagas:api",
    description="Start sagas, follow their progress, and act on them.",
    auth=[BearerToken(), browser_session],
    parser=JsonBody(),
)
problems.install(api)
api.add_router("", actions.router)  # first: `/sagas/actions` is no saga_id
api.add_router("", views.router)
api.add_router("", definitions.router)
api.add_router("", tasks.router)

__all__ = ["api"]
