"""Events as sentences: one table from an event's type to its template.

A template names what it needs of an event, in braces; `sentence` has the words for all of them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from sagas.console.words import duration, plain, relative
from sagas.machine import Direction, Effect, FailureKind
from sagas.models import SagaEvent
from sagas.moments import aware

TEMPLATES: Final[Mapping[str, Any]] = {
    "saga.started": gettext_lazy("{saga_type}, version {version}, was started."),
    "saga.unblocked": gettext_lazy("It has its locks, and goes on."),
    "saga.running": gettext_lazy("It goes forward."),
    "saga.compensating": gettext_lazy("It turns back, because of {because}{failure}."),
    "saga.released": gettext_lazy("Its parent lets it undo what it did."),
    "saga.completed": gettext_lazy("It has completed."),
    "saga.compensated": gettext_lazy("All that had to be undone is undone."),
    "saga.failed": gettext_lazy("It stands still and needs a person: {left} gave up."),
    "saga.cancelled": gettext_lazy("{by} cancelled it{reason}."),
    "saga.paused": gettext_lazy("{by} paused it{reason}."),
    "saga.resumed": gettext_lazy("{by} let it go on{reason}."),
    "saga.amended": gettext_lazy("{by} changed {keys} in its context{reason}."),
    "saga.adopted": gettext_lazy("{by} moved it to version {version} of its definition{reason}."),
    "saga.signalled": gettext_lazy("The signal {name} came{from_whom}."),
    "saga.chose": gettext_lazy("At {choice}, it took the way {way}."),
    "step.scheduled": gettext_lazy("{step} is due{due}."),
    "step.claimed": gettext_lazy("A worker runs {step}{attempt}."),
    "step.asked": gettext_lazy("{step} was asked {asks} times, and has no answer yet."),
    "step.waiting": gettext_lazy("{step} waits{until}."),
    "step.reminded": gettext_lazy("Reminder {number} of {step} {reminded}."),
    "step.children": gettext_lazy("{step}: {change}."),
    "step.succeeded": gettext_lazy("{step} is done{took}{added}."),
    "step.retrying": gettext_lazy("{step} {failed}{effect}. It is tried again{due}."),
    "step.failed": gettext_lazy("{step} {failed}{effect}. It gave up."),
    "step.refused": gettext_lazy("{step} {failed}. That is an answer, too: the saga goes on."),
    "step.withdrawn": gettext_lazy("{step} was withdrawn: it is not needed any more."),
    "step.reopened": gettext_lazy("{by} had {step} tried again{reason}."),
    "step.expedited": gettext_lazy("{by} moved {step}, which is due{due}{reason}."),
    "step.skipped": gettext_lazy("{by} skipped {step}{reason}."),
    "step.resolved": gettext_lazy("{by} recorded that {step} did not happen{reason}."),
    "step.late": gettext_lazy("A result of {step} came too late, and changes nothing."),
}
"""Event type → its sentence; of a step, for the way forward."""

TEMPLATES_BACK: Final[Mapping[str, Any]] = {
    "step.scheduled": gettext_lazy("{step} is to be undone{due}."),
    "step.claimed": gettext_lazy("A worker undoes {step}{attempt}."),
    "step.waiting": gettext_lazy("{step} has its children undo what they did."),
    "step.succeeded": gettext_lazy("{step} is undone{took}."),
    "step.retrying": gettext_lazy("Undoing {step} {failed}. It is tried again{due}."),
    "step.failed": gettext_lazy("Undoing {step} {failed}. It gave up: a person is needed."),
    "step.reopened": gettext_lazy("{by} had undoing {step} tried again{reason}."),
    "step.expedited": gettext_lazy("{by} had undoing {step} tried{due}{reason}."),
    "step.resolved": gettext_lazy("{by} recorded that {step} was undone by hand{reason}."),
    "step.late": gettext_lazy("A result of undoing {step} came too late, and changes nothing."),
}
"""Where the way back has other words."""

FAILED: Final[Mapping[str, Any]] = {
    FailureKind.REJECTED: gettext_lazy("was refused"),
    FailureKind.UNREACHABLE: gettext_lazy("reached nobody"),
    FailureKind.UNKNOWN: gettext_lazy("gave no usable answer"),
    FailureKind.CONFLICT: gettext_lazy("changed what a parallel branch changed, too"),
    FailureKind.LATER: gettext_lazy("is not ready yet"),
}

EFFECTS: Final[Mapping[str, Any]] = {
    Effect.NONE: gettext_lazy("; nothing has happened"),
    Effect.POSSIBLE: gettext_lazy("; it may have happened"),
    Effect.APPLIED: gettext_lazy("; it has happened"),
}

OUTCOMES: Final[Mapping[str, Any]] = {
    "completed": gettext_lazy("completed"),
    "final": gettext_lazy("completed for good"),
    "gave_up": gettext_lazy("gave up"),
    "undone": gettext_lazy("undone"),
    "stuck": gettext_lazy("stuck"),
}

CAUSES: Final[Mapping[str, Any]] = {
    "a cancel": gettext_lazy("a cancel"),
    "a deadlock": gettext_lazy("a deadlock"),
    "the deadline": gettext_lazy("its deadline"),
    "its parent": gettext_lazy("its parent"),
    "its start": gettext_lazy("its start"),
}

MOST_KEYS: Final = 4
"""Keys of the context in one sentence."""


def sentence(event: SagaEvent, took: float | None = None) -> SafeString:
    """What an event says; whatever it lacks is left out. `took` is how long what it ends took, in
    seconds. An event that this code does not know is named."""
    template = TEMPLATES.get(event.type)
    if event.direction == Direction.COMPENSATION:
        template = TEMPLATES_BACK.get(event.type, template)
    if template is None:
        return format_html("{}", event.type)
    return format_html(str(template), **_words(event, took))


def failure_said(failure: object) -> SafeString:
    """What went wrong: in our words, and in quotation marks in its own."""
    if not isinstance(failure, Mapping):
        return format_html("{}", _("failed"))
    what = FAILED.get(str(failure.get("kind")), _("failed"))
    message = plain(failure.get("message") or failure.get("error") or "")
    return format_html("{}: <q><bdi>{}</bdi></q>" if message else "{}", what, message)


def cause_said(because: object) -> SafeString:
    """Why it turned back: the step that gave up, or who or what else."""
    said = plain(because or "?", 100)
    return format_html("{}" if said in CAUSES else "<b>{}</b>", CAUSES.get(said, said))


def _words(event: SagaEvent, took: float | None) -> dict[str, Any]:
    data = event.data if isinstance(event.data, dict) else {}
    failure = data.get("failure")
    reason = plain(data.get("reason") or "")
    by = plain(data.get("by") or "", 100)
    attempt = event.attempt or 1
    return {
        "step": _bold(event.step or "?"),
        "saga_type": _bold(data.get("saga_type", "?")),
        "version": data.get("version", "?"),
        "name": _bold(data.get("name", "?")),
        "choice": _bold(data.get("choice", "?")),
        "way": plain(data.get("way") or _("that does nothing"), 100),
        "because": cause_said(data.get("because")),
        "left": plain(", ".join(map(str, data.get("left") or ("?",)))),
        "by": format_html("<b><bdi>{}</bdi></b>", by or _("Somebody")),
        "from_whom": format_html(_(" from <bdi>{}</bdi>"), by) if by else "",
        "reason": format_html(": <q><bdi>{}</bdi></q>", reason) if reason else "",
        "failed": failure_said(failure),
        "failure": format_html("; it {}", failure_said(failure)) if failure else "",
        "effect": EFFECTS.get(str(data.get("effect")), ""),
        "attempt": _(", attempt %d") % attempt if attempt > 1 else "",
        "took": _(", after %s") % duration(took) if took is not None else "",
        "added": _added(data.get("changes")),
        "keys": _keys(data.get("changes")),
        "asks": data.get("asks", "?"),
        "number": data.get("number", "?"),
        "reminded": failure_said(failure) if failure else _("was started"),
        "due": _when(event, data.get("due_at")),
        "until": _until(event, data),
        "change": _change(data),
    }


def _bold(text: object) -> SafeString:
    return format_html("<b><bdi>{}</bdi></b>", plain(text, 100))


def _keys(changes: object) -> str:
    keys: Sequence[str] = [*map(str, changes)] if isinstance(changes, Mapping) else []
    shown = ", ".join(plain(key, 60) for key in keys[:MOST_KEYS])
    more = len(keys) - MOST_KEYS
    return f"{shown} {_('and %d more') % more}" if more > 0 else shown or _("nothing")


def _added(changes: object) -> str:
    return _("; it gave %s") % _keys(changes) if changes else ""


def _when(event: SagaEvent, due_at: object) -> str:
    """When something is due, seen from the event; empty for at once."""
    moment = _moment(due_at)
    if moment is None or (moment - aware(event.at)).total_seconds() < 0.1:
        return ""
    return f" {relative(moment, aware(event.at))}"


def _until(event: SagaEvent, data: Mapping[str, Any]) -> str:
    if data.get("total") is not None:
        total = int(data["total"])
        return ngettext(" for %s child", " for %s children", total) % total
    moment = _moment(data.get("until"))
    if moment is None:
        return ""
    return _(", for %s at most") % duration((moment - aware(event.at)).total_seconds())


def _change(data: Mapping[str, Any]) -> str:
    change = data.get("change") or {}
    told = [f"{count} {OUTCOMES.get(name, name)}" for name, count in change.items() if count > 0]
    if started := data.get("started"):
        told.insert(0, _("%d started") % started)
    if data.get("refused"):
        told.append(plain(data["refused"]))
    return ", ".join(told) or _("its children moved")


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
