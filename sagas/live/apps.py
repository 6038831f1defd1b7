from contextlib import suppress

from django.apps import AppConfig

from sagas import extras


class LiveConfig(AppConfig):
    name = "sagas.live"
    label = "sagas_live"

    def ready(self) -> None:
        extras.require("live", "sagas.live")
        from channels.layers import get_channel_layer

        from sagas.listeners import listen
        from sagas.live.push import push

        # Its module is imported before any process forks: a child that imports what a thread of its
        # parent is importing just then waits for ever.
        with suppress(Exception):  # said with the first push (sagas.live.layer)
            get_channel_layer()
        listen(push)
