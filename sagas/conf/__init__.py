"""The settings of the library: the dict `SAGAS` in Django's settings, in which every key has a
default (`sagas.conf.settings`). They are read here alone:

    from sagas.conf import conf

    conf.QUEUE
"""

from collections.abc import Mapping
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.signals import setting_changed

from sagas.conf.reference import DATABASE_LIMITS, SETTINGS


class Conf:
    """The settings as attributes: what `SAGAS` says, or else the default."""

    def __getattr__(self, name: str) -> Any:
        """Raises AttributeError for a name that is no setting."""
        if name not in SETTINGS:
            raise AttributeError(f"SAGAS has no key {name!r}.")
        value = given().get(name, SETTINGS[name].default)
        if name == "EVENTS_URL" and value is None:  # not kept: Celery may be configured later
            return broker_url() if apps.is_installed("sagas.bus") else ""
        if name == "DATABASE_LIMITS" and value is None:
            value = DATABASE_LIMITS if self.POOLER else {}
        self.__dict__[name] = value
        return value

    def forget(self) -> None:
        """Reads all of them anew."""
        self.__dict__.clear()


def given() -> Mapping[str, Any]:
    """What Django's settings say. Raises nothing: a system check says what is wrong with it."""
    found = getattr(settings, "SAGAS", {})
    return found if isinstance(found, Mapping) else {}


def broker_url() -> str:
    """Celery's broker: one URL, or several with `;` between them; empty if none is set."""
    from celery import current_app  # services that only register themselves have no Celery

    found = current_app.conf.broker_url or ""
    return found if isinstance(found, str) else ";".join(found)


conf: Final = Conf()


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "SAGAS":
        conf.forget()


setting_changed.connect(_forget, dispatch_uid="sagas.conf")
