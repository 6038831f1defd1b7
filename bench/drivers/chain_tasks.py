"""An empty task in Celery with django-celery-results."""

from celery import Celery

app = Celery("chain")
app.config_from_object("django.conf:settings", namespace="CELERY")


@app.task
def nothing() -> None:
    """No effect."""
