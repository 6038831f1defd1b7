from django.contrib import admin
from django.urls import include, path

from realtime.socket import OrderSocket
from sagas.live.views import socket

urlpatterns = [
    path("", include("sagas.urls")),
    path("", include("sagas.console.urls")),
    path("orders/", include("realtime.urls")),
    path("ws/v1/orders/<str:saga_id>/", socket(OrderSocket), name="order-socket"),
    path("admin/", admin.site.urls),
]
