"""Executions in Django's admin: to look at, and to act on; never to edit."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from sagas import queries
from sagas.access import Right, policy
from sagas.admin import tables
from sagas.admin.actions import ACTIONS
from sagas.admin.filters import AttentionFilter, FamilyFilter, TypeFilter, VersionFilter
from sagas.admin.read_only import ReadOnlyAdmin
from sagas.admin.tokens import SagaTokenAdmin
from sagas.models import SagaExecution

__all__ = ["SagaExecutionAdmin", "SagaTokenAdmin"]


@admin.register(SagaExecution)
class SagaExecutionAdmin(ReadOnlyAdmin):
    list_display = (
        "saga_id",
        "saga_type",
        "version",
        "status",
        "paused",
        "what_is_left",
        "parent_link",
        "updated_at",
    )
    list_filter = (
        "status",
        AttentionFilter,
        TypeFilter,
        VersionFilter,
        "paused",
        FamilyFilter,
    )
    # Not "contains": that would read the whole table.
    search_fields = ("saga_id__startswith",)
    search_help_text = "Searches by the beginning of the saga_id."
    ordering = ("-id",)
    show_full_result_count = False
    actions = ACTIONS
    fieldsets = (
        (None, {"fields": ("saga_id", "saga_type", "version", "status", "paused", "what_is_left")}),
        ("Needs a person", {"fields": ("attention_table",)}),
        ("Belongs to", {"fields": ("parent_link", "owner")}),
        ("Times", {"fields": ("created_at", "updated_at", "finished_at", "wake_at", "options")}),
        ("Steps", {"fields": ("steps_table",)}),
        ("Newest children", {"fields": ("children_table",)}),
        ("Latest events", {"fields": ("events_table",)}),
        ("Context", {"fields": ("context",)}),
    )
    readonly_fields = (
        "what_is_left",
        "parent_link",
        "attention_table",
        "steps_table",
        "children_table",
        "events_table",
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return bool(policy().reach(request.user, Right.VIEW))
        return policy().may_view(request.user, obj)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may act on executions of some type. Nobody may edit them."""
        return bool(policy().reach(request.user, Right.OPERATE))

    def has_administer_permission(self, request: HttpRequest) -> bool:
        return bool(policy().reach(request.user, Right.ADMINISTER))

    def get_queryset(self, request: HttpRequest) -> QuerySet[SagaExecution]:
        """Without the contexts, which the list does not show: 100 of them can be 25 MB."""
        found = policy().visible(request.user).order_by(*self.ordering)
        return found.select_related("parent").defer("context", *queries.UNREAD_OF_PARENT)

    @admin.display(description="what is left")
    def what_is_left(self, found: SagaExecution) -> str:
        return queries.what_is_left(found) or "–"

    @admin.display(description="parent")
    def parent_link(self, found: SagaExecution) -> SafeString | str:
        if found.parent is None:
            return "–"
        return tables.link_to(found.parent.pk, f"{found.parent.saga_id}, {found.parent_step}")

    @admin.display(description="attention")
    def attention_table(self, found: SagaExecution) -> SafeString:
        return tables.attention(found)

    @admin.display(description="steps")
    def steps_table(self, found: SagaExecution) -> SafeString:
        return tables.steps(found)

    @admin.display(description="children")
    def children_table(self, found: SagaExecution) -> SafeString:
        return tables.children(found)

    @admin.display(description="events")
    def events_table(self, found: SagaExecution) -> SafeString:
        return tables.events(found)
