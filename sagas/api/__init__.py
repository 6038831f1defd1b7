"""The HTTP API, `/api/v1/`. It parses, asks the engine, and renders; the rules are below it."""

from sagas.api.views import api

__all__ = ["api"]
