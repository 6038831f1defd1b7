from django.contrib import admin
from django.urls import path

from project.health import live, ready
from sagas.api import api

urlpatterns = [
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("health/", ready),
    path("health/live", live),
    path("health/ready", ready),
]
