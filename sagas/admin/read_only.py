"""What the admin shows and never edits: rows that the engine alone writes."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from sagas.non_atomic import non_atomic_urls


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    def get_urls(self) -> list[Any]:
        return non_atomic_urls(super().get_urls())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
