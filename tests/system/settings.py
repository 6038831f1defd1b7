"""The project's settings, with the sagas of these tests beside its own."""

import os

from tests.surroundings.settings import *  # noqa: F403  (settings are extended by name)
from tests.surroundings.settings import INSTALLED_APPS, SAGAS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.system.probe"]

# Workers of one broker but of databases of their own keep to queues of their own.
SAGAS = {**SAGAS, "QUEUE": os.environ.get("PROBE_QUEUE", "sagas")}
