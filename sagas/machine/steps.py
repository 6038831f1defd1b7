"""The kinds of steps. Each is pure data; `sagas.machine.definition` puts them in order.

`SagaStep` and `Pivot` are run by a Celery worker. `ForEach` and `SubSaga` are made of child
executions, with rows, events and operators' actions of their own. `WaitFor` and `Sleep` run
nothing: the row waits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal

from sagas.machine.parameters import (
    Duration,
    as_timedelta,
    require_choice,
    require_duration,
    require_flag,
    require_function,
    require_key,
    require_keys,
    require_name,
    require_queue,
    require_whole,
    wrong,
)
from sagas.machine.retry import PATIENT, Retry
from sagas.machine.states import Direction

Action = Callable[[Any], Any]
"""Takes the context (`sagas.machine.context.Context`, or what `sagas.typed_context` makes of it),
returns what it adds or changes."""

Keys = Sequence[str] | Mapping[str, str]
"""Keys of one context that are copied into another; a mapping renames them: from → to."""

HARD_LIMIT_GRACE: Final = timedelta(seconds=2)
"""From an attempt's timeout (an exception in the action) to the end of its process. Long enough
to close connections; each second of it is a second more that a hung step is believed."""

LEASE_MARGIN: Final = timedelta(seconds=3)
"""From the end of the process to the end of the lease. Covers the worker's one-second clock for
time limits and the report's own commit; with less, healthy but slow steps are tried twice."""

MOST_CHILDREN_AT_ONCE: Final = 1000
"""Of one `ForEach` without a `max_concurrency`: they start in one transaction, which holds the
parent's row, and their first hints are sent by one process."""


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
        owner = _owner(self.name)
        _require_claimable(owner, self)
        require_flag(owner, "run_on", self.run_on)

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
        owner = _owner(self.name)
        require_key(owner, "name", self.name)
        if self.timeout is not None:
            require_duration(owner, "timeout", self.timeout)
        require_choice(owner, "on_timeout", self.on_timeout, ("fail", "continue"))


@dataclass(frozen=True, slots=True)
class Sleep:
    """Waits for a while (a timedelta, or seconds), without a worker."""

    name: str
    duration: Duration

    def __post_init__(self) -> None:
        require_duration(_owner(self.name), "duration", self.duration)


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
        owner = _owner(self.name)
        if self.saga_type == "":
            object.__setattr__(self, "saga_type", self.name)
        require_name(owner, "saga_type", self.saga_type)
        if self.input is not None:
            require_keys(owner, "input", self.input)
        require_keys(owner, "output", self.output)
        if self.version is not None:
            require_whole(owner, "version", self.version, "Use 1, 2, 3 …, or None for the newest")


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
        owner = _owner(self.name)
        require_key(owner, "name", self.name)
        if not isinstance(self.over, str) or not self.over:
            raise wrong(owner, "over", self.over, "Name the context's key of the list.")
        most = self.max_concurrency
        if most is not None:
            require_whole(owner, "max_concurrency", most, "Use 1 or more, or None for no limit")
        require_keys(owner, "given", self.given)
        _require_claimable(owner, self)

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


def copied(keys: Keys, source: Mapping[str, Any]) -> dict[str, Any]:
    """What `keys` names in `source`; a key that is not there is left out."""
    pairs = keys.items() if isinstance(keys, Mapping) else ((key, key) for key in keys)
    return {new: source[old] for old, new in pairs if old in source}


def _owner(name: str) -> str:
    """Whose parameters are checked. Raises `DefinitionError` for what is no step's name."""
    require_name("", "step name", name)
    return f"Step {name!r}"


def _require_claimable(owner: str, step: SagaStep | ForEach) -> None:
    """Raises `DefinitionError` for what a worker could not run as it is written."""
    require_function(owner, "action", step.action)
    for role, function in (("compensation", step.compensation), ("probe", step.probe)):
        if function is not None:
            require_function(owner, role, function)
    require_flag(owner, "atomic", step.atomic)
    if step.atomic and step.probe is not None:
        advice = "An atomic step's outcome is never unknown: drop the probe."
        raise wrong(owner, "probe", step.probe, advice)
    if step.retry is not None:
        _require_retry(owner, "retry", step.retry)
    _require_retry(owner, "compensation_retry", step.compensation_retry)
    require_duration(owner, "timeout", step.timeout)
    if step.queue is not None:
        require_queue(owner, step.queue)


def _require_retry(owner: str, parameter: str, retry: object) -> None:
    if not isinstance(retry, Retry):
        raise wrong(owner, parameter, retry, "Use Retry(max_attempts=…), or leave it out.")
