"""A Django project with nothing but django-celery-results, as its page says to set it up.

`BENCH_TUNED` adds the one setting that its speed depends on most: Celery then keeps the database's
connection, instead of opening one for each task.
"""

import os

import dj_database_url

TUNED = os.environ.get("BENCH_TUNED") == "1"

SECRET_KEY = os.environ["SECRET_KEY"]
INSTALLED_APPS = ["django_celery_results"]
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
CELERY_BROKER_URL = os.environ["CELERY_BROKER_URL"]
CELERY_RESULT_BACKEND = "django-db"
if TUNED:
    DATABASES["default"]["CONN_MAX_AGE"] = None
    CELERY_DB_REUSE_MAX = 10_000
