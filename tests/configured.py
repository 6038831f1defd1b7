"""Changes of `SAGAS` for the length of a test."""

from typing import Any


def configure(settings: Any, **changes: Any) -> None:
    """`settings` is pytest-django's fixture, which takes it back."""
    settings.SAGAS = {**settings.SAGAS, **changes}
