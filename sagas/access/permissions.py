"""The permissions for single types of sagas: rows of Django's, made after each `migrate`."""

from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import router

from sagas.access.rights import APP, Right, codename
from sagas.models import SagaExecution
from sagas.registry import registry


def make(*, using: str, apps: Any, **_: Any) -> None:
    """One for each right and each type that is known here. They are never deleted: somebody may
    hold them, and another process may know the type."""
    try:
        for label, model in (("auth", "Permission"), (APP, "SagaExecution")):
            apps.get_model(label, model)
    except LookupError:
        return  # migrated back to before there were any
    if not router.allow_migrate_model(using, Permission):
        return
    about = ContentType.objects.db_manager(using).get_for_model(SagaExecution)
    types = sorted({saga.saga_type for saga in registry if "." not in saga.saga_type})
    Permission.objects.using(using).bulk_create(
        [
            Permission(
                content_type=about,
                codename=codename(right, saga_type),
                name=f"Can {right} sagas of type {saga_type}",
            )
            for saga_type in types
            for right in Right
        ],
        ignore_conflicts=True,
    )
