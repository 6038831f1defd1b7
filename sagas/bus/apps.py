from celery import current_app
from django.apps import AppConfig


class BusConfig(AppConfig):
    name = "sagas.bus"
    label = "sagas_bus"
    verbose_name = "Sagas: event bus"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sagas.bus.relay_loop import RelayLoop

        current_app.steps["worker"].add(RelayLoop)
