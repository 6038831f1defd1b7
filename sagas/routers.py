"""A system check of DATABASE_ROUTERS: where the engine's tables are."""

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, register
from django.db import DEFAULT_DB_ALIAS, router
from django.db.models import Model

OURS: Final = ("sagas", "sagas_bus")
"""The apps whose tables the engine's transactions write."""


@register
def check_routers(**_: Any) -> list[CheckMessage]:
    """The tables of the engine, and of who owns its sagas, are in the default database."""
    ours = [config for label in OURS for config in apps.get_app_configs() if config.label == label]
    models = [model for config in ours for model in config.get_models()]
    elsewhere = sorted(
        f"{model._meta.label} ({what} {alias!r})"
        for model in (*models, get_user_model())
        for what, alias in _databases_of(model)
        if alias != DEFAULT_DB_ALIAS
    )
    if not elsewhere:
        return []
    return [
        Error(
            f"DATABASE_ROUTERS send tables of the engine elsewhere: {', '.join(elsewhere)}. Its "
            f"transactions are in the database {DEFAULT_DB_ALIAS!r}, and it reads there what it "
            f"has just written.",
            hint=f"Let the routers return None, or {DEFAULT_DB_ALIAS!r}, for the apps "
            f"{' and '.join(OURS)}, and for the model of users; for reading, too: a replica lags "
            "behind. Steps may write to any database (except steps with atomic=True).",
            id="sagas.E026",
        )
    ]


def _databases_of(model: type[Model]) -> Iterator[tuple[str, str]]:
    yield "read from", router.db_for_read(model)
    yield "written to", router.db_for_write(model)
    if not router.allow_migrate_model(DEFAULT_DB_ALIAS, model):
        yield "migrated", "not there"
