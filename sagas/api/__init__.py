"""The HTTP API, `/api/v1/`. It parses, asks the engine, and renders; the rules are below it."""

from ninja import NinjaAPI

from sagas.api import actions, problems, views
from sagas.api.access import BearerToken, browser_session
from sagas.api.parsing import JsonBody

api = NinjaAPI(
    title="Sagas",
    version="1",
    description="Start sagas, see how far they are, and act on them.",
    auth=[BearerToken(), browser_session],
    parser=JsonBody(),
)
problems.install(api)
api.add_router("", actions.router)  # first: `/sagas/actions` is no saga_id
api.add_router("", views.router)

__all__ = ["api"]
