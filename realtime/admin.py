"""What the tracking pages keep, to be looked at; never to be edited."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from realtime.models import Assignment, Conversation, Customer, Message


class ReadOnlyAdmin(admin.ModelAdmin):
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    list_display = ("customer_id", "name", "account", "created_at")
    list_select_related = ("account",)
    search_fields = ("customer_id", "name")


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    list_display = ("saga_id", "last_number", "opened_at")
    search_fields = ("saga_id__startswith",)
    ordering = ("-id",)


@admin.register(Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    list_display = ("conversation", "user", "since")
    list_select_related = ("conversation", "user")
    ordering = ("-id",)


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("conversation", "number", "role", "author_name", "text", "at")
    list_select_related = ("conversation",)
    list_filter = ("role",)
    search_fields = ("conversation__saga_id__startswith",)
    ordering = ("-id",)
