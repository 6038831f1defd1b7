"""Tokens in Django's admin: to look at, and to revoke. A new one is shown once, by the command."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from sagas import tokens
from sagas.models import SagaToken
from sagas.non_atomic import non_atomic_urls


@admin.register(SagaToken)
class SagaTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    list_display = (
        "beginning",
        "name",
        "user",
        "scopes",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_select_related = ("user",)
    search_fields = ("beginning__startswith", "name__startswith")
    search_help_text = "Searches by the beginning of a token or of its name."
    ordering = ("-id",)
    show_full_result_count = False
    actions = ("revoke",)

    def get_urls(self) -> list[Any]:
        return non_atomic_urls(super().get_urls())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Django's permission to change tokens, though nothing else of one can be changed."""
        return super().has_change_permission(request)

    @admin.action(description="Revoke the selected tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[SagaToken]) -> None:
        count = tokens.revoke(queryset)
        self.message_user(request, f"Revoked: {count}", messages.SUCCESS)
