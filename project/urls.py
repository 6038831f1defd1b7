from django.contrib import admin
from django.urls import path

from project.health import health
from sagas.api import api

urlpatterns = [
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("health/", health),
]
