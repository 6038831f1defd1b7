from django.urls import path

from realtime.live import live
from realtime.metrics import metrics
from realtime.stream import stream

urlpatterns = [
    path("api/v1/sagas/<str:saga_id>/stream", stream),
    path("live/<str:saga_id>", live),
    path("metrics", metrics),
]
