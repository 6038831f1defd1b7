"""The project's settings in other surroundings, which the environment's SURROUNDINGS names.

The settings of all tests begin with these; without a name they are the project's own. What is not
here is in the environment that `tests.surroundings` makes: the pooler is.
"""

import os

from django.core.exceptions import ImproperlyConfigured

from project.settings import *  # noqa: F403  (settings are extended by name)
from project.settings import DATABASES, INSTALLED_APPS

SURROUNDINGS = os.environ.get("SURROUNDINGS", "")

match SURROUNDINGS:
    case "zone":
        USE_TZ = False
        TIME_ZONE = "America/New_York"
    case "users":
        INSTALLED_APPS = [*INSTALLED_APPS, "tests.surroundings.people"]
        AUTH_USER_MODEL = "people.Person"
    case "names":
        INSTALLED_APPS = [*INSTALLED_APPS, "tests.surroundings.people"]
        AUTH_USER_MODEL = "people.Named"
    case "atomic":
        DATABASES["default"]["ATOMIC_REQUESTS"] = True
    case "" | "pooler" | "plain":
        pass
    case _:
        raise ImproperlyConfigured(f"SURROUNDINGS={SURROUNDINGS} are not known here.")
