from django.apps import AppConfig


class SagasConfig(AppConfig):
    name = "sagas"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sagas import checks, routers  # noqa: F401  (registers the system checks)
        from sagas.registry import registry

        registry.discover()
