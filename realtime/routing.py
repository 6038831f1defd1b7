from django.urls import path

from realtime.progress import SagaProgress

websocket_urlpatterns = [path("ws/v1/sagas/<str:saga_id>/", SagaProgress.as_asgi())]
