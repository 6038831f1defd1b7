"""The HTTP API, `/api/v1/`. It parses, asks the engine, and renders; the rules are below it."""

from typing import Any

from ninja import NinjaAPI

from sagas.api import actions, problems, views
from sagas.api.access import BearerToken, browser_session
from sagas.api.parsing import JsonBody
from sagas.non_atomic import non_atomic_urls


class _Api(NinjaAPI):
    @property
    def urls(self) -> tuple[list[Any], str, str]:
        patterns, app_name, namespace = super().urls
        return non_atomic_urls(patterns), app_name, namespace


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

__all__ = ["api"]
