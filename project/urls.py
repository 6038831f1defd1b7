from django.contrib import admin
from django.urls import include, path

from sagas.api import api
from sagas.api.health import live, ready

urlpatterns = [
    path("", include("sagas.live.urls")),  # first: it has one address among those of the API
    path("api/v1/", api.urls),
    path("orders/", include("realtime.urls")),
    path("admin/", admin.site.urls),
    path("health/", ready),
    path("health/live", live),
    path("health/ready", ready),
]
