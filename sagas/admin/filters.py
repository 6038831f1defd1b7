"""The filters beside the list. Their choices come from the registry: the table may be large."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from sagas.models import SagaExecution
from sagas.queries import needs_attention
from sagas.registry import registry

Executions = QuerySet[SagaExecution]


class TypeFilter(admin.SimpleListFilter):
    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted({saga.saga_type for saga in registry})]

    def queryset(self, request: HttpRequest, queryset: Executions) -> Executions:
        return queryset.filter(saga_type=self.value()) if self.value() else queryset


class VersionFilter(admin.SimpleListFilter):
    title = "version"
    parameter_name = "version"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(n), str(n)) for n in sorted({saga.version for saga in registry})]

    def queryset(self, request: HttpRequest, queryset: Executions) -> Executions:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(version=value) if value.isdecimal() else queryset.none()


class AttentionFilter(admin.SimpleListFilter):
    title = "attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("needed", "needed, here or below")]

    def queryset(self, request: HttpRequest, queryset: Executions) -> Executions:
        return queryset.filter(needs_attention()) if self.value() == "needed" else queryset


class FamilyFilter(admin.SimpleListFilter):
    title = "family"
    parameter_name = "family"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("root", "not part of another"), ("child", "part of another")]

    def queryset(self, request: HttpRequest, queryset: Executions) -> Executions:
        if self.value() not in ("root", "child"):
            return queryset
        return queryset.filter(parent__isnull=self.value() == "root")
