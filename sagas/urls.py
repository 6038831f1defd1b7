"""All addresses of the library, below any prefix: `path("sagas/", include("sagas.urls"))`.

The API and the health checks; with `sagas.live` the streams, the live page and the metrics, too.
"""

from django.apps import apps
from django.urls import include, path

from sagas.api import api
from sagas.api.health import live, ready

app_name = "sagas"
urlpatterns = [
    # First: one of its addresses is among those of the API.
    *([path("", include("sagas.live.urls"))] if apps.is_installed("sagas.live") else []),
    path("api/v1/", api.urls),
    path("health/", ready, name="health"),
    path("health/live", live, name="health-live"),
    path("health/ready", ready, name="health-ready"),
]
