"""What somebody may do to an execution now: the rights are asked of the policy, and whether it
makes sense of the machine itself, on a copy that nobody keeps."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from sagas.access import policy
from sagas.console.reading import Snapshot
from sagas.machine import (
    Cancel,
    ExecutionStatus,
    Operation,
    Pause,
    Resolve,
    Resume,
    Skip,
    StepStatus,
    TryAgain,
    Verdict,
    WaitFor,
    decide,
)

WHO: Final[Mapping[str, Any]] = {"by": "the console", "reason": "asked"}


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that may be done; of some, to one of `steps`."""

    verb: str
    label: Any
    url: str
    steps: tuple[str, ...] = ()
    is_next: bool = False
    """Whether it is the one next sensible thing."""


LABELS: Final[Mapping[str, Any]] = {
    "signal": _("Send signal"),
    "retry": _("Try again"),
    "resolve": _("Resolve"),
    "skip": _("Skip"),
    "resume": _("Resume"),
    "pause": _("Pause"),
    "cancel": _("Cancel saga"),
}
"""In the order in which they may be the next sensible thing."""

OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    "retry": TryAgain,
    "resolve": Resolve,
    "skip": Skip,
    "resume": Resume,
    "pause": Pause,
    "cancel": Cancel,
}
OF_STEPS: Final[Mapping[str, Callable[[str], Operation]]] = {
    "retry": lambda step: TryAgain(step=step, **WHO),
    "resolve": lambda step: Resolve(step=step, **WHO),
    "skip": lambda step: Skip(step=step, **WHO),
}
OF_ALL: Final[Mapping[str, Operation]] = {
    "resume": Resume(**WHO),
    "pause": Pause(**WHO),
    "cancel": Cancel(**WHO),
}


def offers(shown: Snapshot, user: Any) -> list[Offer]:
    """In the order of their buttons; one of them at most is the next."""
    found = [*_offers(shown, user)]
    by_verb = {each.verb: place for place, each in reversed([*enumerate(found)])}
    urgent = [verb for verb in ("signal", "resume", "retry") if verb in by_verb]
    if urgent == ["retry"] and not _has_been_tried(shown):
        urgent = []  # it is only due later
    if urgent:
        place = by_verb[urgent[0]]
        found[place] = replace(found[place], is_next=True)
    return found


def _offers(shown: Snapshot, user: Any) -> Iterator[Offer]:
    rights, found = policy(), shown.found
    if shown.definition is None or shown.state is None or shown.is_over:
        return
    signals = [name for name in waits(shown) if rights.may_signal(user, found, name)]
    for name in signals:
        label = LABELS["signal"] if len(signals) == 1 else _("Send %s") % name
        yield replace(_offer(shown, "signal", (name,)), label=label)
    for verb, operation in OPERATIONS.items():
        if not rights.may_operate(user, found, operation):
            continue
        if verb in OF_ALL:
            if _makes_sense(shown, OF_ALL[verb]):
                yield _offer(shown, verb)
        elif steps := tuple(name for name in _touched(shown) if _of_step(shown, verb, name)):
            yield _offer(shown, verb, steps)


def why_not(shown: Snapshot, verb: str) -> str:
    """What the machine says to it, if it refuses; empty if it is about single steps."""
    operation = OF_ALL.get(verb)
    if operation is None or shown.definition is None or shown.state is None:
        return ""
    return decide(shown.definition, shown.state, operation, shown.now).reason


def waits(shown: Snapshot) -> list[str]:
    """The signals that it waits for now."""
    if shown.definition is None or shown.state is None:
        return []
    by_name = shown.definition.by_name
    waiting = shown.state.having(StepStatus.WAITING)
    return [name for name in waiting if isinstance(by_name.get(name), WaitFor)]


def _touched(shown: Snapshot) -> list[str]:
    """The steps to which something can be done: those under way, and those that gave up."""
    assert shown.state is not None, "it has been asked before"
    wanted = (StepStatus.FAILED, StepStatus.COMPENSATION_FAILED)
    gave_up = [name for name, step in shown.state.steps.items() if step.status in wanted]
    return [*gave_up, *shown.state.current_steps]


def _of_step(shown: Snapshot, verb: str, step: str) -> bool:
    return _makes_sense(shown, OF_STEPS[verb](step))


def _makes_sense(shown: Snapshot, operation: Operation) -> bool:
    assert shown.definition is not None, "it has been asked before"
    assert shown.state is not None, "it has been asked before"
    decision = decide(shown.definition, shown.state, operation, shown.now)
    return decision.verdict is Verdict.ACCEPTED


def _has_been_tried(shown: Snapshot) -> bool:
    """Whether what could be tried again has failed before."""
    return shown.described["status"] == ExecutionStatus.FAILED or any(
        step["error"] and step["status"] in ("scheduled", "compensation_scheduled")
        for step in shown.described["steps"]
    )


def _offer(shown: Snapshot, verb: str, steps: tuple[str, ...] = ()) -> Offer:
    url = reverse("sagas_console:act", args=[shown.found.saga_id, verb])
    if len(steps) == 1:
        url = f"{url}?{urlencode({'step': steps[0]})}"
    return Offer(verb, LABELS[verb], url, steps)
