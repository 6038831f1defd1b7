"""The Django project: settings, URLs, ASGI. The Celery app comes first, so that every process of
the project, web or worker, publishes with its configuration."""

from celery_app import app as celery_app

__all__ = ["celery_app"]
