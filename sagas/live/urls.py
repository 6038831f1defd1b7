from django.urls import path

from sagas.live.metrics import metrics
from sagas.live.sockets import ManySocket, SagaSocket
from sagas.live.stream import stream
from sagas.live.views import live, socket

urlpatterns = [
    path("ws/v1/sagas/", socket(ManySocket), name="sagas-socket"),
    path("ws/v1/sagas/<str:saga_id>/", socket(SagaSocket), name="saga-socket"),
    path("api/v1/sagas/<str:saga_id>/stream", stream, name="stream"),
    path("live/<str:saga_id>", live, name="live"),
    path("metrics", metrics, name="metrics"),
]
