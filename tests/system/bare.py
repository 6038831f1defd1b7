"""A worker of the same project without the engine's apps: on Celery's default queue."""

import os

from celery import Celery

app = Celery("bare", broker=os.environ["CELERY_BROKER_URL"])
