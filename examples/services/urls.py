"""The addresses of one service: the kit's own and those of the service at hand."""

from django.conf import settings
from django.urls import path
from django.utils.module_loading import import_string

from examples.services.kit.api import build_api

service_router = import_string(f"examples.services.{settings.SERVICE}.views.router")

urlpatterns = [path("", build_api(service_router).urls)]
