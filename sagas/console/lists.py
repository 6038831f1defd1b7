"""The list of sagas, with its filters in the address, and the box that jumps to one."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from sagas import queries
from sagas.access import Right, policy
from sagas.console.filters import FilterForm
from sagas.console.pages import page, show
from sagas.console.rows import rows_of
from sagas.errors import BadInput, NoSuchExecution
from sagas.inputs import ANY_ID

ROWS: Final = 50
"""To a page."""

FIELDS: Final = {
    "saga_type": "type",
    "step": "step",
    "tags": "tag",
    "id_prefix": "id",
    "created_after": "after",
    "created_before": "until",
}
"""A condition → the field that it comes from."""

MOST_DIGITS: Final = 18
"""Of the number at which a page begins: what a bigint holds."""


@page
@require_safe
def sagas(request: HttpRequest) -> HttpResponse:
    """The newest that match, 50 to a page."""
    types = [each["saga_type"] for each in queries.saga_types()]
    form = FilterForm(request.GET, types)
    found = _page(request, form)
    named = {
        "form": form,
        "rows": rows_of(found.executions),
        "older": _address(request, found.next_before) if found.next_before else "",
        "newest": _address(request, None) if request.GET.get("before") else "",
        "sees_all": bool(policy().reach(request.user, Right.VIEW)),
        "here": "sagas",
    }
    return show(request, "sagas", named, status=422 if form.errors else 200)


@page
@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """From the box on every page: to the saga of that id, or to those whose id begins with it."""
    text = request.GET.get("q", "").strip()
    if not text:
        return redirect("sagas_console:sagas")
    try:
        return redirect("sagas_console:saga", queries.execution(text, request.user).saga_id)
    except NoSuchExecution:
        field = "id" if ANY_ID.fullmatch(text) else "tag"
        return redirect(f"{reverse('sagas_console:sagas')}?{urlencode({field: text})}")


def _page(request: HttpRequest, form: FilterForm) -> queries.Page:
    """Nothing, if the form has errors; a condition that the query refuses becomes one."""
    if not form.is_valid():
        return queries.Page([], None)
    text = request.GET.get("before", "")
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    before = int(text) if is_number else None
    try:
        return queries.page(form.as_filter(), request.user, before=before, limit=ROWS)
    except BadInput as error:
        for name, said in error.fields.items():
            form.add_error(FIELDS.get(name), said)
    except NoSuchExecution:
        form.add_error(None, _("The saga whose children these are is not there, or not for you."))
    return queries.Page([], None)


def _address(request: HttpRequest, before: int | None) -> str:
    """That of another page of the same list; of the first without a number."""
    asked = request.GET.copy()
    asked.pop("before", None)
    if before is not None:
        asked["before"] = str(before)
    return f"?{asked.urlencode()}"
