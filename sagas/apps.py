from celery import current_app
from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SagasConfig(AppConfig):
    name = "sagas"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sagas import checks, installation, routers  # noqa: F401  (registers the system checks)
        from sagas.access import checks as access_checks  # noqa: F401
        from sagas.access import permissions
        from sagas.broker import checks as broker_checks  # noqa: F401
        from sagas.conf import checks as settings_checks  # noqa: F401
        from sagas.registry import registry
        from sagas.worker import setup

        registry.discover()
        setup.install(current_app, registry)
        post_migrate.connect(permissions.make, sender=self, dispatch_uid="sagas.access")
