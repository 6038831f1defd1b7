"""What people do to a saga: a page that says what will happen and asks why, and then a POST."""

from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from sagas import engine, users
from sagas.access import policy
from sagas.console.forms import ReasonForm, SkipForm, StepForm
from sagas.console.offers import LABELS, OPERATIONS, Offer, offers, waits, why_not
from sagas.console.one import drawn
from sagas.console.pages import page, show
from sagas.console.reading import Snapshot, snapshot
from sagas.console.signal_forms import SignalForm
from sagas.console.words import plain
from sagas.errors import BadInput, SagaError

FORMS: Final[dict[str, type[ReasonForm]]] = {
    "cancel": ReasonForm,
    "pause": ReasonForm,
    "resume": ReasonForm,
    "retry": StepForm,
    "resolve": StepForm,
    "skip": SkipForm,
}

HAPPENS: Final[dict[str, Any]] = {
    "pause": gettext_lazy(
        "Nothing more is started, in either direction, until it is resumed. What "
        "is at work now still ends."
    ),
    "resume": gettext_lazy("It goes on in the direction in which it was paused."),
    "retry": gettext_lazy("The step gets all its attempts again, and the next one is made now."),
    "resolve": gettext_lazy(
        "You record that it was put right by hand: that the compensation was "
        "done, or that the pivot did not happen. Nobody is called."
    ),
    "skip": gettext_lazy(
        "The saga goes on as if the step had succeeded and had returned the result "
        "below. Nobody is called, and nothing of it is undone later."
    ),
    "signal": gettext_lazy("The step that waits for it gets the payload, and the saga goes on."),
}

DONE: Final[dict[str, Any]] = {
    "cancel": gettext_lazy("It turns back."),
    "pause": gettext_lazy("It is paused."),
    "resume": gettext_lazy("It goes on."),
    "retry": gettext_lazy("It is tried again."),
    "resolve": gettext_lazy("It is recorded as put right."),
    "skip": gettext_lazy("The step is skipped."),
    "signal": gettext_lazy("The signal is sent."),
}


@page
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, saga_id: str, verb: str) -> HttpResponse:
    """The page before, and the deed. Who may not do it gets 403, before anything is said of it."""
    if verb not in LABELS:
        raise Http404
    shown = snapshot(saga_id, request.user)
    _require_right(shown, request, verb)
    offer = _offer(shown, request, verb)
    if offer is None:
        return _show(request, shown, verb, None, None, status=409)
    if verb == "signal" and request.method != "POST" and "step" not in request.GET:
        # Its form goes to its own address, which has to name the wait that it was made for.
        return redirect(f"{request.path}?{urlencode({'step': offer.steps[0]})}")
    form = _form(shown, offer, request)
    if request.method != "POST" or not form.is_valid():
        status = 422 if form.is_bound else 200
        return _show(request, shown, verb, offer, form, status=status)
    try:
        _do(shown, verb, form, _step(offer, request), users.name_of(request.user))
    except BadInput as error:
        for name, said in error.fields.items():
            form.add_error(None, f"{name}: {plain(said)}")
        return _show(request, shown, verb, offer, form, status=422)
    except SagaError as error:
        form.add_error(None, plain(error, 600))
        return _show(request, shown, verb, offer, form, status=409)
    messages.success(request, str(DONE[verb]))
    return redirect("sagas_console:saga", shown.found.saga_id)


def _offer(shown: Snapshot, request: HttpRequest, verb: str) -> Offer | None:
    """The one for the step that the address names, if it names one; and never for another: what a
    page was opened for may be over when its form is sent."""
    found = (each for each in offers(shown, request.user) if each.verb == verb)
    asked = request.GET.get("step")
    return next((each for each in found if asked is None or asked in each.steps), None)


def _require_right(shown: Snapshot, request: HttpRequest, verb: str) -> None:
    rights, found, user = policy(), shown.found, request.user
    if verb == "signal":
        asked = request.GET.get("step")
        names = [asked] if asked else waits(shown) or [""]
        may = any(rights.may_signal(user, found, name) for name in names)
    else:
        may = rights.may_operate(user, found, OPERATIONS[verb])
    if not may:
        said = _("You may look at %(saga)s, and you may not do this to it: %(what)s.")
        raise PermissionDenied(said % {"saga": found.saga_id, "what": str(LABELS[verb]).lower()})


def _step(offer: Offer, request: HttpRequest) -> str:
    """The step that the address names, or the first that it may be."""
    return request.GET.get("step") or next(iter(offer.steps), "")


def _form(shown: Snapshot, offer: Offer, request: HttpRequest) -> Any:
    data = request.POST if request.method == "POST" else None
    step = _step(offer, request)
    if offer.verb == "signal":
        assert shown.definition is not None, "there is no offer without"
        return SignalForm(data, getattr(shown.definition.by_name[step], "form", None), {})
    return FORMS[offer.verb](data, offer.steps, {"step": step})


def _do(shown: Snapshot, verb: str, form: Any, step: str, by: str) -> None:
    """Raises `SagaError`."""
    saga_id = shown.found.saga_id
    if verb == "signal":
        engine.signal(saga_id, step, form.payload(), by=by)
        return
    reason = form.cleaned_data["reason"]
    engine.operate(saga_id, OPERATIONS[verb](by=by, reason=reason, **form.changes()))


def _show(
    request: HttpRequest, shown: Snapshot, verb: str, offer: Offer | None, form: Any, status: int
) -> HttpResponse:
    named = {
        "saga": shown.described,
        "verb": verb,
        "label": LABELS[verb],
        "offer": offer,
        "form": form,
        "reason": plain(why_not(shown, verb), 600) if offer is None else "",
        "happens": HAPPENS.get(verb, ""),
        "here": "sagas",
    }
    if verb == "cancel" and offer is not None:
        named |= {"in_numbers": in_numbers(shown), "back": shown.back, "graph": drawn(shown)}
    return show(request, "act", named, status)


def in_numbers(shown: Snapshot) -> str:
    """What a cancel would do: how much it undoes, what it waits for, and what it leaves."""
    back = shown.back
    assert back is not None, "there is no offer without"
    assert shown.state is not None, "there is no offer without"
    undone = {name for stage in back.stages for name in stage}
    done = [name for name, step in shown.state.steps.items() if step.is_done]
    left = [name for name in done if name not in undone]
    told = [ngettext("Undoes %d step", "Undoes %d steps", len(undone)) % len(undone)]
    if back.settling:
        count = len(back.settling)
        told.append(ngettext("waits for %d at work", "waits for %d at work", count) % count)
    if left:
        count = len(left)
        told.append(
            ngettext(
                "leaves %d that has nothing to undo", "leaves %d that have nothing to undo", count
            )
            % count
        )
    return f"{', '.join(told)}."
