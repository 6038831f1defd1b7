"""The steps that wait and run nothing, each pure data: while one is at work, the row waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal

from sagas.machine.conditions import (
    Case,
    as_condition,
    require_path,
    value_at,
)
from sagas.machine.parameters import (
    RESERVED,
    Duration,
    as_timedelta,
    require_choice,
    require_duration,
    require_flag,
    require_name,
    require_whole,
    wrong,
)
from sagas.machine.steps import step_owner
from sagas.machine.storable import NotStorable, storable
from sagas.machine.tasks import Login, require_task

DEFAULT_MOST: Final = 100

MOST_COLLECTED: Final = 1000
"""Signals that one wait may collect: the row has all of them, and is written anew with each."""


MOST_REMINDERS: Final = 100
"""Of one wait: each is an execution of its own, and whoever ignored so many needs a person."""

SHORTEST_PAUSE: Final = timedelta(seconds=60)
"""Between two reminders: what should look more often than that is a `Poll`."""


@dataclass(frozen=True, slots=True)
class Remind:
    """Of a `WaitFor`: while it waits, an execution of `saga` (its newest version) is started every
    so often, `most` times at most (100 at most). `every` is a timedelta, or seconds, from 60. The
    first one is due that long after the wait has begun.

    Each begins with the context of the waiting saga, and with `reminder`, from 1; the engine makes
    its id: `order-1~payment.remind.1`. Nothing waits for it, whatever becomes of it.
    """

    saga: str
    every: Duration = field(kw_only=True)
    most: int = field(kw_only=True)

    def require_fit(self, owner: str) -> None:
        """Raises `DefinitionError` for a reminder that can't be; `owner` is its wait."""
        require_name(owner, "remind.saga", self.saga)
        require_duration(owner, "remind.every", self.every)
        if as_timedelta(self.every) < SHORTEST_PAUSE:
            advice = f"Use at least {SHORTEST_PAUSE.seconds} seconds, or a Poll."
            raise wrong(owner, "remind.every", self.every, advice)
        if type(self.most) is not int or not 1 <= self.most <= MOST_REMINDERS:
            advice = f"Use a whole number from 1 to {MOST_REMINDERS}: each is an execution."
            raise wrong(owner, "remind.most", self.most, advice)


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Waits for the signal `name` (an approval, a webhook), whose payload becomes the context's
    key `name`. A signal may come before its wait. If none comes within `timeout`, the step fails,
    or the saga continues without the key. A `timeout` that is a string names the context's key, or
    a path of keys with dots, under which the number of seconds is.

    With `collect`, it takes all signals of that name, and the key becomes the list of their
    payloads, in the order in which they came. The wait ends with the first payload that has the
    values of `until`; or once `most` have come (100 by default, 1,000 at most). `until` maps paths
    of keys to what a `Choice` takes as a case: `{"status": "delivered"}`. If the saga continues
    after a timeout, it has the list of those that came until then, which may be empty.

    `form` is a JSON Schema that each payload has to fit: a signal that does not is refused.

    `remind` has another saga started every so often while it waits: see `Remind`.

    A wait with one of the following is a task for a person, and is listed while it waits. None of
    them changes the course of the saga. Who has `permission`, one of Django's such as
    `shop.approve_claim`, may send the signal; so may the `assignee`: a `Login`, or the login that
    the context has under a key, or a path. Without either, those may who may signal the saga. With
    `four_eyes`, whoever started the saga may not. `due` says until when it should be done: a time
    from the beginning of the wait, or the key or path of a moment (ISO 8601 text with an offset).
    """

    name: str
    timeout: Duration | str | None = field(default=None, kw_only=True)
    on_timeout: Literal["fail", "continue"] = field(default="fail", kw_only=True)
    collect: bool = field(default=False, kw_only=True)
    until: Mapping[str, Case] | None = field(default=None, kw_only=True)
    most: int | None = field(default=None, kw_only=True)
    form: Mapping[str, Any] | None = field(default=None, kw_only=True)
    remind: Remind | None = field(default=None, kw_only=True)
    permission: str | None = field(default=None, kw_only=True)
    assignee: Login | str | None = field(default=None, kw_only=True)
    four_eyes: bool = field(default=False, kw_only=True)
    due: Duration | str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        owner = step_owner(self.name)
        require_key(owner, "name", self.name)
        if isinstance(self.timeout, str):
            require_path(owner, "timeout", self.timeout)
        elif self.timeout is not None:
            require_duration(owner, "timeout", self.timeout)
        require_choice(owner, "on_timeout", self.on_timeout, ("fail", "continue"))
        require_flag(owner, "collect", self.collect)
        if self.form is not None:
            _require_form(owner, self.form)
        if self.remind is not None:
            _require_remind(owner, self.remind)
        require_task(owner, self.permission, self.assignee, self.four_eyes, self.due)
        for name in ("until", "most"):
            if getattr(self, name) is not None and not self.collect:
                advice = "It ends a wait for many signals: add collect=True."
                raise wrong(owner, name, getattr(self, name), advice)
        if self.until is not None:
            _require_until(owner, self.until)
        if self.most is not None:
            advice = f"Use 1 to {MOST_COLLECTED:,}"
            require_whole(owner, "most", self.most, advice)
            if self.most > MOST_COLLECTED:
                raise wrong(owner, "most", self.most, f"{advice}: the saga's row has all of them.")

    @property
    def is_task(self) -> bool:
        """Whether it is a task for a person."""
        return bool(self.permission or self.assignee or self.four_eyes or self.due is not None)

    def has_enough(self, came: Sequence[Any]) -> bool:
        """Whether the newest of the payloads that it collects ends the wait."""
        if len(came) >= (self.most or DEFAULT_MOST):
            return True
        return bool(came and self.until) and all(
            as_condition("until", case).fits(value_at(came[-1], path))
            for path, case in (self.until or {}).items()
        )


@dataclass(frozen=True, slots=True)
class Sleep:
    """Waits for a given time, without keeping a worker busy: for a `duration` (a timedelta, or
    seconds); for the number of `seconds`, or `until` the moment (ISO 8601 text with an offset),
    that the context has under a key, or a path of keys with dots. A moment that has passed is no
    wait. Without a usable time in the context, the step fails."""

    name: str
    duration: Duration | None = None
    seconds: str | None = field(default=None, kw_only=True)
    until: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        owner = step_owner(self.name)
        given = {
            name: value
            for name in ("duration", "seconds", "until")
            if (value := getattr(self, name)) is not None
        }
        if len(given) != 1:
            raise wrong(owner, "time", given, "Give one of duration, seconds=… and until=….")
        if self.duration is not None:
            require_duration(owner, "duration", self.duration)
        for name in given.keys() - {"duration"}:
            require_path(owner, name, given[name])


def collects(step: object) -> bool:
    """Whether it waits for many signals."""
    return isinstance(step, WaitFor) and step.collect


def remind_of(step: object) -> Remind | None:
    """The reminders of a wait; None for a step that has none."""
    return step.remind if isinstance(step, WaitFor) else None


def require_key(owner: str, parameter: str, name: str) -> None:
    """Raises `DefinitionError` for a name under which the context can't keep a result."""
    if name in RESERVED:
        advice = f"The engine keeps {', '.join(RESERVED)} in each context: use another name."
        raise wrong(owner, parameter, name, advice)


def _require_until(owner: str, until: object) -> None:
    """Raises `DefinitionError` for what no payload can be asked for."""
    if not isinstance(until, Mapping) or not until:
        raise wrong(owner, "until", until, "Use a mapping of paths to values: {'status': 'paid'}.")
    for path, case in until.items():
        require_path(owner, "a path in until", path)
        as_condition(f"{owner}, until, {path!r}", case)


def _require_remind(owner: str, remind: object) -> None:
    """Raises `DefinitionError` for what is no reminder, and for one that can't be."""
    if not isinstance(remind, Remind):
        advice = "Use Remind('the saga', every=86400, most=3)."
        raise wrong(owner, "remind", remind, advice)
    remind.require_fit(owner)


def _require_form(owner: str, form: object) -> None:
    """Raises `DefinitionError` for what can't be JSON."""
    try:
        is_plain = isinstance(form, Mapping) and storable(form) is not None
    except NotStorable:
        is_plain = False
    if not is_plain:
        raise wrong(owner, "form", form, "Use a JSON Schema, as a dict of plain values.")
