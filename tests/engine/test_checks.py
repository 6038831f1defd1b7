"""`manage.py check`: the engine's tables are where its transactions are."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from sagas.routers import check_routers

HERE = "tests.engine.test_checks"


class Elsewhere:
    """A router that sends an app into a second database."""

    apps: tuple[str, ...] = ("sagas",)

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "second" if model._meta.app_label in self.apps else None

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return self.db_for_read(model)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return db == "second" if app_label in self.apps else None


class LettersElsewhere(Elsewhere):
    apps = ("sagas_bus",)


class UsersElsewhere(Elsewhere):
    apps = ("auth", "people")


class Replica(Elsewhere):
    """It only reads there, as behind a replica."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return None


class NotMigrated(Replica):
    """It is created nowhere that the engine looks."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return app_label != "sagas"


class OthersElsewhere(Elsewhere):
    apps = ("order_processing", "sessions", "django_celery_results")


@pytest.mark.parametrize(
    "router", [Elsewhere, LettersElsewhere, UsersElsewhere, Replica, NotMigrated]
)
def test_a_router_that_sends_our_tables_elsewhere_is_refused(router: type) -> None:
    with override_settings(DATABASE_ROUTERS=[f"{HERE}.{router.__name__}"]):
        found = [each for each in run_checks() if each.id == "sagas.E026"]
    assert len(found) == 1
    assert "DATABASE_ROUTERS" in found[0].msg
    assert "'default'" in (found[0].hint or "")


def test_a_router_of_other_tables_is_none_of_our_business() -> None:
    assert check_routers() == []
    with override_settings(DATABASE_ROUTERS=[f"{HERE}.OthersElsewhere"]):
        assert check_routers() == []
