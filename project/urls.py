from django.contrib import admin
from django.urls import include, path

from project.health import live, ready
from sagas.api import api

urlpatterns = [
    path("", include("realtime.urls")),  # first: it has one address among those of the API
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("health/", ready),
    path("health/live", live),
    path("health/ready", ready),
]
