from django.urls import path, re_path

from realtime.progress import NoSuchSocket, SagaProgress

websocket_urlpatterns = [
    path("ws/v1/sagas/<str:saga_id>/", SagaProgress.as_asgi()),
    re_path(r"", NoSuchSocket.as_asgi()),
]
