"""A worker of the same project without the engine's apps: on Celery's default queue."""

import os

from celery import Celery

# Not the current one of a process that only imports this.
app = Celery("bare", broker=os.environ["CELERY_BROKER_URL"], set_as_current=False)
