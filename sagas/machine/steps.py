"""The kinds of steps. Each is pure data; `sagas.machine.definition` puts them in order.

`SagaStep` and `Pivot` are run by a Celery worker. `ForEach` and `SubSaga` are made of child
executions, with rows, events and operators' actions of their own. `WaitFor` and `Sleep` run
nothing: the row waits.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal

from sagas.machine.durations import Duration, as_timedelta
from sagas.machine.retry import PATIENT, Retry
from sagas.machine.states import Direction

Context = Mapping[str, Any]
Action = Callable[[Any], Context | None]
"""Takes the context, returns what it adds or changes; see `sagas.machine.context`."""

Keys = Sequence[str] | Mapping[str, str]
"""Keys of one context that are copied into another; a mapping renames them: from → to."""

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Types and steps: they become Celery task names, routing keys and metric labels."""

HARD_LIMIT_GRACE: Final = timedelta(seconds=2)
"""From an attempt's timeout (an exception in the action) to the end of its process. Long enough
to close connections; each second of it is a second more that a hung step is believed."""

LEASE_MARGIN: Final = timedelta(seconds=3)
"""From the end of the process to the end of the lease. Covers the worker's one-second clock for
time limits and the report's own commit; with less, healthy but slow steps are tried twice."""

MOST_CHILDREN_AT_ONCE: Final = 1000
"""Of one `ForEach` without a `max_concurrency`: they start in one transaction, which holds the
parent's row, and their first hints are sent by one process."""


class DefinitionError(ValueError):
    """A definition that can't work: what is wrong with it, and what to write instead."""


@dataclass(frozen=True, slots=True)
class SagaStep:
    """One local transaction at one participant, and how to undo it.

    `retry` is `Retry()` before the pivot, and patient after it; `compensation_retry` is patient:
    about a day. `timeout` bounds each attempt of either direction (a timedelta, or seconds).
    `queue` routes the step's Celery tasks; None is the default queue.

    `probe` asks the participant what became of an attempt whose outcome is unknown, before the
    step is retried or compensated. It takes the context, with the action's own idempotency key,
    and returns what the action would have returned if it did happen, or None if it did not and
    never will any more; anything else it raises.

    `atomic` runs the step inside the transaction that records its success: what it writes to this
    database happens exactly once. It must call nobody else.

    `run_on`: whether the worker that ran the step before may go on with this one in place. Without
    it the step has a message of its own, always.
    """

    name: str
    action: Action
    compensation: Action | None = None
    retry: Retry | None = field(default=None, kw_only=True)
    compensation_retry: Retry = field(default=PATIENT, kw_only=True)
    timeout: Duration = field(default=30.0, kw_only=True)
    queue: str | None = field(default=None, kw_only=True)
    probe: Action | None = field(default=None, kw_only=True)
    atomic: bool = field(default=False, kw_only=True)
    run_on: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        require_name("step", self.name)
        _require_function(self.name, "action", self.action)
        for role, function in (("compensation", self.compensation), ("probe", self.probe)):
            if function is not None:
                _require_function(self.name, role, function)
        if self.atomic and self.probe is not None:
            raise DefinitionError(
                f"Step {self.name!r}: an atomic step's outcome is never unknown. Drop the probe."
            )
        require_positive(self.name, "timeout", self.timeout)

    def callable_for(self, direction: Direction) -> Action | None:
        return self.action if direction is Direction.ACTION else self.compensation

    @property
    def soft_limit(self) -> timedelta:
        """When an attempt gets an exception."""
        return as_timedelta(self.timeout)

    @property
    def hard_limit(self) -> timedelta:
        """When an attempt's process is ended."""
        return self.soft_limit + HARD_LIMIT_GRACE

    @property
    def lease(self) -> timedelta:
        """How long an attempt's claim is believed."""
        return self.hard_limit + LEASE_MARGIN


@dataclass(frozen=True, slots=True)
class Pivot(SagaStep):
    """The step after whose success the saga only goes forward: it can't be undone, or what follows
    can't. At most one, at the top level. A compensation of its own serves when its outcome is not
    known."""


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Waits for the signal `name` (an approval, a webhook), whose payload becomes the context's
    key `name`. A signal may come before its wait. Without one after `timeout` the step fails, or
    the saga continues without the key."""

    name: str
    timeout: Duration | None = field(default=None, kw_only=True)
    on_timeout: Literal["fail", "continue"] = field(default="fail", kw_only=True)

    def __post_init__(self) -> None:
        require_name("step", self.name)
        if self.timeout is not None:
            require_positive(self.name, "timeout", self.timeout)
        if self.on_timeout not in ("fail", "continue"):
            raise DefinitionError(
                f"Step {self.name!r}: on_timeout is {self.on_timeout!r}. Use 'fail' or 'continue'."
            )


@dataclass(frozen=True, slots=True)
class Sleep:
    """Waits for a while (a timedelta, or seconds), without a worker."""

    name: str
    duration: Duration

    def __post_init__(self) -> None:
        require_name("step", self.name)
        require_positive(self.name, "duration", self.duration)


@dataclass(frozen=True, slots=True)
class SubSaga:
    """Another saga as a step of this one. It starts in this one's transaction, is cancelled with
    it, and undone should this one turn back after it completed.

    `saga_type` is the step's name unless given; `version` the newest that the starting process
    knows. `input` names the keys of this context that it starts with, all if None; `output` the
    keys of its context that come back.
    """

    name: str
    saga_type: str = ""
    input: Keys | None = field(default=None, kw_only=True)
    output: Keys = field(default=(), kw_only=True)
    version: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        require_name("step", self.name)
        if not self.saga_type:
            object.__setattr__(self, "saga_type", self.name)
        for what, keys in (("input", self.input), ("output", self.output)):
            _require_keys(self.name, what, keys)


@dataclass(frozen=True, slots=True)
class ForEach:
    """The action for each item of the list that the context has under the key `over`, side by
    side, at most `max_concurrency` of them at a time.

    Each item has attempts, a lease, and a compensation of its own. Its context holds `item`,
    `index` (from 0) and the keys named by `given`; what its action returns stays there, and once
    all are done the context's key `name` is the list of it, in the items' order.
    """

    name: str
    over: str = field(kw_only=True)
    action: Action = field(kw_only=True)
    compensation: Action | None = field(default=None, kw_only=True)
    given: Keys = field(default=(), kw_only=True)
    max_concurrency: int | None = field(default=None, kw_only=True)
    retry: Retry | None = field(default=None, kw_only=True)
    compensation_retry: Retry = field(default=PATIENT, kw_only=True)
    timeout: Duration = field(default=30.0, kw_only=True)
    queue: str | None = field(default=None, kw_only=True)
    probe: Action | None = field(default=None, kw_only=True)
    atomic: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        require_name("step", self.name)
        if not isinstance(self.over, str) or not self.over:
            raise DefinitionError(
                f"Step {self.name!r}: over is {self.over!r}. Name the context's key of the list."
            )
        if self.max_concurrency is not None and self.max_concurrency < 1:
            raise DefinitionError(
                f"Step {self.name!r}: max_concurrency is {self.max_concurrency}. Use 1 or more."
            )
        _require_keys(self.name, "given", self.given)
        _ = self.each  # what is wrong with the step of an item is told where it is written

    @property
    def each(self) -> SagaStep:
        """The one step of an item's execution."""
        return SagaStep(
            "each",
            self.action,
            self.compensation,
            retry=self.retry,
            compensation_retry=self.compensation_retry,
            timeout=self.timeout,
            queue=self.queue,
            probe=self.probe,
            atomic=self.atomic,
        )

    @property
    def window(self) -> int:
        """How many items are at work at a time."""
        return min(self.max_concurrency or MOST_CHILDREN_AT_ONCE, MOST_CHILDREN_AT_ONCE)


Family = SubSaga | ForEach
"""Steps made of child executions."""

Step = SagaStep | WaitFor | Sleep | SubSaga | ForEach


def is_compensable(step: Step) -> bool:
    """Whether there is a way to undo it. Children are always told: they know what to undo."""
    if isinstance(step, SagaStep):
        return step.compensation is not None
    return isinstance(step, Family)


def copied(keys: Keys, source: Context) -> dict[str, Any]:
    """What `keys` names in `source`; a key that is not there is left out."""
    pairs = keys.items() if isinstance(keys, Mapping) else ((key, key) for key in keys)
    return {new: source[old] for old, new in pairs if old in source}


def require_name(what: str, name: object) -> None:
    """Raises `DefinitionError` for a name that can't be used."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise DefinitionError(
            f"The {what} name {name!r} can't be used in task names and routing keys: use "
            f"lower-case letters, digits and '_', 63 at most, a letter first."
        )


def require_positive(owner: str, what: str, value: Duration) -> None:
    """Raises `DefinitionError` for a duration that is none."""
    if as_timedelta(value) <= timedelta(0):
        raise DefinitionError(
            f"{owner!r}: the {what} is {value}. Give a positive number of seconds, or a timedelta."
        )


def _require_function(name: str, role: str, function: object) -> None:
    if not callable(function):
        raise DefinitionError(
            f"Step {name!r}: the {role} is {function!r}. Pass a function that takes the context."
        )
    if inspect.iscoroutinefunction(function):
        raise DefinitionError(
            f"Step {name!r}: the {role} is an async function, which a Celery task does not "
            f"await. Write it with `def`."
        )


def _require_keys(name: str, what: str, keys: Keys | None) -> None:
    # A single string is a sequence of one-letter keys, which nobody means.
    if isinstance(keys, str):
        raise DefinitionError(
            f"Step {name!r}: {what} is the string {keys!r}. Write a list: [{keys!r}]."
        )
