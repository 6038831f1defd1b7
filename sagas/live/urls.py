from django.urls import path

from sagas.live.metrics import metrics
from sagas.live.page import live
from sagas.live.stream import stream

urlpatterns = [
    path("api/v1/sagas/<str:saga_id>/stream", stream),
    path("live/<str:saga_id>", live),
    path("metrics", metrics),
]
