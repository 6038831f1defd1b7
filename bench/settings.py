"""The project's settings, with the benchmark's sagas beside its own."""

from project.settings import *  # noqa: F403  (settings are extended by name)
from project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "bench"]
