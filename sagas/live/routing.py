from django.urls import path, re_path

from sagas.live.sockets import ManySocket, NoSuchSocket, SagaSocket

websocket_urlpatterns = [
    path("ws/v1/sagas/", ManySocket.as_asgi()),
    path("ws/v1/sagas/<str:saga_id>/", SagaSocket.as_asgi()),
    re_path(r"", NoSuchSocket.as_asgi()),
]
