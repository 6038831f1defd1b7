"""Celery's side: each step and each compensation is a task of its own; messages are hints."""
