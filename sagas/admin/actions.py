"""What staff may do to the executions that they selected, after a page that asks why."""

from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from sagas import engine, queries, users
from sagas.access import Right, policy
from sagas.machine import Adopt, Cancel, Operation, Pause, Resume, TryAgain
from sagas.models import SagaExecution

MOST_AT_ONCE: Final = 500
"""Executions in one go. Each is a field of the page's form, of which Django takes 1,000, and a
transaction of some milliseconds, for all of which the browser waits."""

MOST_REFUSALS_TOLD: Final = 10
"""Messages are kept in the session until they are shown; a screen of them is enough."""

TOO_MANY: Final = f"More than {MOST_AT_ONCE} are selected. Select fewer, or use `manage.py saga`."
NONE_LEFT: Final = (
    "The selected sagas no longer exist, or you may not do that to them. Nothing was done."
)

CONFIRMED: Final = "confirmed"

Act = Callable[[Any, HttpRequest, QuerySet[SagaExecution]], HttpResponse | None]


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=1000, help_text="It is recorded together with your name.")


def _act(
    model_admin: Any,
    request: HttpRequest,
    queryset: QuerySet[SagaExecution],
    verb: str,
    fact: Callable[..., Operation | Adopt],
    right: Right,
) -> HttpResponse | None:
    has_confirmed = CONFIRMED in request.POST
    if has_confirmed:
        # Not what matches the list's filters by now: what the page named.
        selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
        queryset = model_admin.get_queryset(request).filter(pk__in=selected)
    may = policy().visible(request.user, right)
    queryset = queryset.filter(pk__in=may.values("pk"))
    found = list(queryset.order_by("-id")[: MOST_AT_ONCE + 1])
    if not found or len(found) > MOST_AT_ONCE:
        messages.error(request, NONE_LEFT if not found else TOO_MANY)
        return None
    form = ReasonForm(request.POST if has_confirmed else None)
    if not form.is_valid():
        return _ask(model_admin, request, verb, found, form)
    operation = fact(by=users.name_of(request.user), reason=form.cleaned_data["reason"])
    result = engine.operate_on_many([each.saga_id for each in found], operation)
    if result.done:
        messages.success(request, f"{verb.capitalize()}: {result.done} of {len(found)} done.")
    for reason in list(result.refused.values())[:MOST_REFUSALS_TOLD]:
        messages.warning(request, f"Refused: {reason}")
    if (more := len(result.refused) - MOST_REFUSALS_TOLD) > 0:
        messages.warning(request, f"{more} more were refused.")
    return None


def _ask(
    model_admin: Any,
    request: HttpRequest,
    verb: str,
    found: list[SagaExecution],
    form: ReasonForm,
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{verb.capitalize()} {len(found)} saga{'s' * (len(found) != 1)}",
        "opts": model_admin.opts,
        "verb": verb,
        "executions": [(each, queries.what_is_left(each)) for each in found],
        "form": form,
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
        "confirmed": CONFIRMED,
    }
    return TemplateResponse(request, "admin/sagas/sagaexecution/act.html", context)


def _action(
    verb: str,
    fact: Callable[..., Operation | Adopt],
    description: str,
    right: Right = Right.OPERATE,
) -> Act:
    def act(
        model_admin: Any, request: HttpRequest, queryset: QuerySet[SagaExecution]
    ) -> HttpResponse | None:
        return _act(model_admin, request, queryset, verb, fact, right)

    act.__name__ = verb  # what Django calls the action
    return admin.action(act, permissions=[right.value], description=description)


ACTIONS: Final = [
    _action("cancel", Cancel, "Cancel: turn back, and undo what happened"),
    _action("pause", Pause, "Pause: start nothing more until it is resumed"),
    _action("resume", Resume, "Resume: go on"),
    _action(
        "adopt",
        Adopt,
        "Adopt: go on with the current definition of their version",
        Right.ADMINISTER,
    ),
    _action("retry", TryAgain, "Retry: try all steps that gave up again"),
]
