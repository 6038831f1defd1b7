"""The one sentence on top: why a saga stands as it stands, and what happens next."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from sagas.console.reading import Snapshot
from sagas.console.sentences import cause_said, failure_said
from sagas.console.words import between, plain, relative
from sagas.machine import ExecutionStatus, StepStatus

Steps = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Why:
    tone: str
    sentence: SafeString
    next: SafeString | str = ""
    """What happens next, or what to do."""


def why(shown: Snapshot) -> Why:
    """For any execution."""
    described = shown.described
    error = described["error"] or {}
    if error.get("event") == "unreadable":
        sentence = format_html("<b>{}</b> {}", _("Its row can't be read."), plain(error["message"]))
        return Why("bad", sentence, _("No worker goes on with it until it is put right."))
    if shown.definition is None and not shown.is_over:
        reason = next((each["reason"] for each in described["attention"]), "")
        return Why("bad", format_html("<b>{}</b>", _("Nobody here goes on.")), plain(reason, 600))
    if described["paused"] and not shown.is_over:
        return _paused(shown)
    return _BY_STATUS[ExecutionStatus(described["status"])](shown)


def _paused(shown: Snapshot) -> Why:
    last = next((each for each in reversed(shown.events) if each.type == "saga.paused"), None)
    data = last.data if last is not None else {}
    sentence = format_html(
        "<b>{}</b> <bdi>{}</bdi>{}",
        _("It is paused."),
        plain(data.get("by", "")),
        format_html(": <q><bdi>{}</bdi></q>", plain(data["reason"])) if data.get("reason") else "",
    )
    return Why(
        "wait", sentence, _("Nothing more starts, in either direction, until it is resumed.")
    )


def _pending(shown: Snapshot) -> Why:
    start_at = shown.described["start_at"]
    if start_at is not None and start_at > shown.now:
        return Why(
            "idle", format_html("<b>{}</b>", _("It has not begun.")), _starts(start_at, shown)
        )
    if shown.described["blocked"]:
        return _blocked(shown)
    return _running(shown)


def _starts(start_at: datetime, shown: Snapshot) -> str:
    return _("Its first step is due %s.") % relative(start_at, shown.now)


def _blocked(shown: Snapshot) -> Why:
    names = ", ".join(shown.described["waits_for_locks"]) or _("its locks")
    sentence = format_html(
        "<b>{}</b> <bdi>{}</bdi>", _("It waits for what others hold:"), plain(names)
    )
    return Why("wait", sentence, _("It goes on as soon as they have ended."))


def _running(shown: Snapshot) -> Why:
    if shown.described["blocked"]:
        return _blocked(shown)
    current = _current(shown)
    tone = "now"
    if current and all(
        step["status"] == StepStatus.WAITING and step["children"] is None for step in current
    ):
        tone = "wait"
    sentence = _steps_said(current, shown) or format_html("<b>{}</b>", _("It goes forward."))
    return Why(tone, sentence, _late(shown))


def _compensating(shown: Snapshot) -> Why:
    sentence = format_html("{} {}", _because(shown), _("What was done is being undone."))
    if shown.state is not None and shown.state.options.held and shown.state.has_settled:
        return Why("back", sentence, _("It waits for its parent to turn back, too."))
    return Why("back", sentence, _steps_said(_current(shown), shown))


def _completed(shown: Snapshot) -> Why:
    described = shown.described
    took = between(described["created_at"], described["finished_at"] or shown.now)
    return Why(
        "done", format_html("<b>{}</b>", _("It completed in %s.") % took), _("Nothing is left.")
    )


def _compensated(shown: Snapshot) -> Why:
    return Why("back", _because(shown), _("All that had to be undone is undone."))


def _failed(shown: Snapshot) -> Why:
    described = shown.described
    gave_up = [step for step in described["steps"] if step["name"] in described["gave_up"]]
    is_back = any(step["status"] == StepStatus.COMPENSATION_FAILED for step in gave_up)
    told = format_html_join(
        " ",
        "<b><bdi>{}</bdi></b> {}.",
        ((step["name"], failure_said(step["error"])) for step in gave_up),
    )
    if is_back:
        lead = _("It turned back, and could not undo everything.")
        todo = _("Put it right by hand and resolve it, or have it tried again.")
    else:
        lead = _("It is past the pivot, where there is no way back, and can't go on.")
        todo = _("Have it tried again once the cause is gone, or skip it.")
    return Why("bad", format_html("{} {}", lead, told), todo)


_BY_STATUS: Mapping[ExecutionStatus, Callable[[Snapshot], Why]] = {
    ExecutionStatus.PENDING: _pending,
    ExecutionStatus.RUNNING: _running,
    ExecutionStatus.COMPENSATING: _compensating,
    ExecutionStatus.COMPLETED: _completed,
    ExecutionStatus.COMPENSATED: _compensated,
    ExecutionStatus.FAILED: _failed,
}


def _because(shown: Snapshot) -> SafeString:
    """Why it turned back; of a cancel, who and why."""
    error = shown.described["error"] or {}
    if error.get("because") == "a cancel":
        found = [each for each in shown.events if each.type == "saga.cancelled"]
        data = found[-1].data if found else {}
        reason = (
            format_html(": <q><bdi>{}</bdi></q>", plain(data["reason"]))
            if data.get("reason")
            else ""
        )
        by = plain(data.get("by") or _("Somebody"))
        return format_html(_("<b><bdi>{}</bdi> cancelled it</b>{}."), by, reason)
    if error.get("failure"):
        said = failure_said(error["failure"])
        return format_html("<b><bdi>{}</bdi></b> {}.", plain(error.get("because", "")), said)
    return format_html(_("It turned back because of {}."), cause_said(error.get("because")))


def _current(shown: Snapshot) -> Steps:
    names = shown.described["current_steps"]
    return [step for step in shown.described["steps"] if step["name"] in names]


def _steps_said(steps: Steps, shown: Snapshot) -> SafeString:
    """What the steps at work do, three of them at most."""
    told = [_step_said(step, shown) for step in steps[:3]]
    if len(steps) > 3:
        told.append(format_html("{}", _("%d more are under way.") % (len(steps) - 3)))
    return format_html_join(" ", "{}", ((each,) for each in told))


def _step_said(step: Mapping[str, Any], shown: Snapshot) -> SafeString:
    name = format_html("<b><bdi>{}</bdi></b>", step["name"])
    due_at = step["due_at"]
    is_late = due_at is None or due_at <= shown.now
    match StepStatus(step["status"]):
        case StepStatus.SCHEDULED | StepStatus.COMPENSATION_SCHEDULED:
            again = format_html("{}", failure_said(step["error"])) if _tried(step) else None
            when = _("now") if is_late else relative(due_at, shown.now)
            if again is not None:
                return format_html(_("{} {}; the next attempt is due {}."), name, again, when)
            return (
                format_html(_("{} waits for a worker."), name)
                if is_late
                else format_html(_("{} is due {}."), name, when)
            )
        case StepStatus.RUNNING:
            return format_html(_("{} is at work."), name)
        case StepStatus.COMPENSATING:
            return format_html(_("{} is being undone."), name)
        case _:
            return _wait_said(step, name, shown)


def _wait_said(step: Mapping[str, Any], name: SafeString, shown: Snapshot) -> SafeString:
    if step["children"] is not None:
        outcomes = step["children"]["outcomes"]
        done = outcomes.get("completed", 0) + outcomes.get("final", 0)
        if step["kind"] == "ForEach":
            total = step["children"]["total"]
            return format_html(_("{}: {} of {} are done."), name, done, total)
        return format_html(_("{} is under way in a saga of its own."), name)
    what = _("a signal") if step["kind"] == "WaitFor" else _("its time")
    if step["until"] is None:
        return format_html(_("{} waits for {}, without a limit."), name, what)
    until = relative(step["until"], shown.now)
    if step["kind"] == "WaitFor":
        return format_html(_("{} waits for {}; it gives up {}."), name, what, until)
    return format_html(_("{} waits for {}, which comes {}."), name, what, until)


def _tried(step: Mapping[str, Any]) -> bool:
    is_back = step["status"] == StepStatus.COMPENSATION_SCHEDULED
    return bool(step["compensation_attempts" if is_back else "attempts"] and step["error"])


def _late(shown: Snapshot) -> str:
    deadline = shown.described["deadline"]
    if deadline is None:
        return ""
    if deadline > shown.now:
        return _("Its deadline is %s.") % relative(deadline, shown.now)
    return _("Its deadline has passed, %s.") % relative(deadline, shown.now)
