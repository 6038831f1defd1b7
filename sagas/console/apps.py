from django.apps import AppConfig

from sagas import extras


class ConsoleConfig(AppConfig):
    name = "sagas.console"
    label = "sagas_console"

    def ready(self) -> None:
        extras.require("console", "sagas.console")
        from sagas.console import checks  # noqa: F401  (registers the system checks)
