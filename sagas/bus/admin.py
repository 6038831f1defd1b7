"""Dead letters in Django's admin: to look at, to try again, to delete; never to edit."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from sagas.bus import dead_letters
from sagas.bus.models import DeadLetter
from sagas.non_atomic import non_atomic_urls

SHOWN = 4096
"""Bytes of a body, on its page: a screen or two."""


@admin.register(DeadLetter)
class DeadLetterAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    list_display = ("id", "handler", "routing_key", "why", "tries", "retry_at", "updated_at")
    list_filter = ("handler", ("retry_at", admin.EmptyFieldListFilter))
    search_fields = ("event_id__startswith",)
    search_help_text = (
        "The beginning of the event's id; put ~ before the id of another service's event."
    )
    ordering = ("-id",)
    show_full_result_count = False
    actions = ("replay",)
    exclude = ("body",)
    readonly_fields = ("body_as_text",)

    def get_urls(self) -> list[Any]:
        return non_atomic_urls(super().get_urls())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Who may let them be tried again. Nobody may edit them."""
        return request.user.has_perm("sagas_bus.change_deadletter")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        """Without what the list does not show: a hundred of them can be 100 MB."""
        found: QuerySet[DeadLetter] = super().get_queryset(request)
        return found.defer("body", "traceback", "headers")

    @admin.display(description="reason")
    def why(self, letter: DeadLetter) -> str:
        return letter.reason.partition("\n")[0][:100]

    @admin.display(description="body")
    def body_as_text(self, letter: DeadLetter) -> str:
        return bytes(letter.body)[:SHOWN].decode(errors="backslashreplace")

    @admin.action(
        permissions=["replay"], description="Replay: try again, counting from the first try"
    )
    def replay(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        count = dead_letters.replay(queryset.order_by())
        messages.success(request, f"{count} of {queryset.count()} will be tried again now.")
        if count < queryset.count():
            messages.warning(request, "The others are waiting for a retry, or were too large.")
