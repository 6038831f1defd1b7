"""The project's settings, with the handlers of these tests beside its own."""

from tests.surroundings.settings import *  # noqa: F403  (settings are extended by name)
from tests.surroundings.settings import INSTALLED_APPS, SAGAS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.realtime.probe"]
SAGAS = {**SAGAS, "EVENTS_VISIBILITY_TIMEOUT": 2}
