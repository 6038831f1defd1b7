"""The project's settings, with the participant's kit beside its own apps.

The engine's project takes part in nobody's sagas, so it has no table for receipts; the tests of the
kit, and mypy's Django plugin, need one.
"""

from tests.surroundings.settings import *  # noqa: F403  (settings are extended by name)
from tests.surroundings.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "saga_participant"]
PASSWORD_HASHERS = ["tests.hashers.QuickHasher"]
