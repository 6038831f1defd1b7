from celery import current_app
from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    name = "realtime"

    def ready(self) -> None:
        from realtime import checks  # noqa: F401  (registers the system checks)
        from realtime.push import push
        from realtime.relay_loop import RelayLoop
        from sagas.listeners import listen

        listen(push)
        current_app.steps["worker"].add(RelayLoop)
