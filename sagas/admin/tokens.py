"""Tokens in Django's admin: to look at, and to revoke. A new one is shown once, by the command."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from sagas import tokens
from sagas.admin.read_only import ReadOnlyAdmin
from sagas.models import SagaToken


@admin.register(SagaToken)
class SagaTokenAdmin(ReadOnlyAdmin):
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

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Django's permission to change tokens, though nothing else of one can be changed."""
        return admin.ModelAdmin.has_change_permission(self, request)

    @admin.action(description="Revoke the selected tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[SagaToken]) -> None:
        count = tokens.revoke(queryset)
        self.message_user(request, f"Revoked: {count}", messages.SUCCESS)
