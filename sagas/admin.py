"""Executions in Django's admin: to look at, never to edit."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from sagas.models import SagaExecution


@admin.register(SagaExecution)
class SagaExecutionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    list_display = ("saga_id", "saga_type", "version", "status", "current_steps", "updated_at")
    list_filter = ("status", "saga_type", "paused")
    search_fields = ("saga_id",)
    ordering = ("-id",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
