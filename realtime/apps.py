from contextlib import suppress

from celery import current_app
from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    name = "realtime"

    def ready(self) -> None:
        from channels.layers import get_channel_layer

        from realtime import checks  # noqa: F401  (registers the system checks)
        from realtime.push import push
        from realtime.relay_loop import RelayLoop
        from sagas.listeners import listen

        # Its module is imported before any process forks: a child that imports what a thread of its
        # parent is importing just then waits for ever.
        with suppress(Exception):  # said with the first push (realtime.layer)
            get_channel_layer()
        listen(push)
        current_app.steps["worker"].add(RelayLoop)
