"""The steps that a worker claims and runs, each pure data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal

from sagas.machine.conditions import require_path
from sagas.machine.failures import LONGEST_WAIT, Rejected
from sagas.machine.parameters import (
    MOST_FACTOR,
    PATIENT,
    Duration,
    Retry,
    as_timedelta,
    require_choice,
    require_duration,
    require_flag,
    require_function,
    require_name,
    require_number,
    require_queue,
    wrong,
)
from sagas.machine.states import Direction

Action = Callable[[Any], Any]
"""Takes the context (`sagas.machine.context.Context`, or what `sagas.typed_context` makes of it),
returns what it adds or changes; an async function does that once it is awaited."""

HARD_LIMIT_GRACE: Final = timedelta(seconds=2)
"""From an attempt's timeout (an exception in the action) to the end of its process. Long enough
to close connections; each second of it is a second more that a hung step is believed."""

LEASE_MARGIN: Final = timedelta(seconds=3)
"""From the end of the process to the end of the lease. Covers the worker's one-second clock for
time limits and the report's own commit; with less, healthy but slow steps are tried twice."""


@dataclass(frozen=True, slots=True)
class SagaStep:
    """One local transaction at one participant, and how to undo it.

    `retry` is `Retry()` before the pivot, and a patient policy after it. `compensation_retry` is
    patient by default: it tries for about a day. `timeout` limits each attempt in either direction
    (a timedelta, or seconds). `queue` routes the step's Celery tasks; None is the default queue.

    `probe` asks the participant what happened to an attempt whose outcome is unknown, before the
    step is retried or compensated. It takes the context, with the action's own idempotency key. If
    the action happened, it returns what the action would have returned. If the action did not
    happen and never will, it returns None. If it can't tell, it raises an exception.

    `atomic` runs the step inside the transaction that records its success, so its writes to this
    database happen exactly once. Such a step must not call other services.

    `run_on` says whether the worker that ran the previous step may run this one in the same
    process. If it is False, the step always has its own message.

    `accept` are subclasses of `Rejected` that are an answer and no failure: if the action raises
    one, and no attempt can have had an effect, the step is skipped, the saga goes on, and the
    context's key `NAME_failed` has the `error` (its class) and the `message`. A `Choice` can
    follow.

    `when` names a key of the context, or a path of keys with dots. If its value is missing, null,
    false, 0 or empty when the step's turn comes, the step doesn't run: a `Choice` in short.
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
    when: str | None = field(default=None, kw_only=True)
    accept: tuple[type[Rejected], ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        owner = step_owner(self.name)
        _require_step(owner, self)
        require_duration(owner, "timeout", self.timeout)

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
    """The step after whose success the saga only goes forward, because it or the steps after it
    can't be undone. There is at most one on each way, at the top level or in a `Choice` there. Its
    compensation is used only if its outcome is unknown."""


@dataclass(frozen=True, slots=True)
class Poll(SagaStep):
    """Asks a participant again and again, until it has an answer.

    The action only asks, and changes nothing: it has no effect that would have to be undone. It
    returns a mapping, which may be empty, once there is an answer; None for "not yet"; or it raises
    `Later(after=…)` to say when to ask again. It is asked at once, again after `every` seconds, and
    then after `factor` times as long each time, up to `cap` (a day at most). Each ask may take
    `ask_timeout`.

    `timeout` limits all of it: the last ask is made when it has passed, and then the step fails, or
    the saga continues without an answer. An ask that raises another error is repeated as `retry`
    says; by default until `timeout`, or for a week. An ask without an answer leaves no event, and
    uses up no attempt.
    """

    timeout: Duration | None = field(default=None, kw_only=True)  # type: ignore[assignment]
    on_timeout: Literal["fail", "continue"] = field(default="fail", kw_only=True)
    every: Duration = field(default=60.0, kw_only=True)
    factor: float = field(default=1.0, kw_only=True)
    cap: Duration = field(default=LONGEST_WAIT, kw_only=True)
    ask_timeout: Duration = field(default=30.0, kw_only=True)

    def __post_init__(self) -> None:
        owner = step_owner(self.name)
        _require_step(owner, self)
        for name, value in (("compensation", self.compensation), ("probe", self.probe)):
            if value is not None:
                raise wrong(owner, name, value, "A Poll only asks: there is nothing to undo.")
        if self.atomic:
            raise wrong(owner, "atomic", True, "A Poll only asks: it writes nothing.")
        if self.timeout is not None:
            require_duration(owner, "timeout", self.timeout)
        require_choice(owner, "on_timeout", self.on_timeout, ("fail", "continue"))
        for name in ("every", "cap", "ask_timeout"):
            require_duration(owner, name, getattr(self, name))
        for name in ("every", "cap"):
            if as_timedelta(getattr(self, name)) > as_timedelta(LONGEST_WAIT):
                raise wrong(owner, name, getattr(self, name), "Ask at least once a day.")
        advice = f"Use 1 (constant) or more (growing), up to {MOST_FACTOR:,.0f}."
        require_number(owner, "factor", self.factor, 1, MOST_FACTOR, advice)

    @property
    def soft_limit(self) -> timedelta:
        return as_timedelta(self.ask_timeout)

    @property
    def patience(self) -> Retry:
        """For an ask that raised an error."""
        return Retry(max_attempts=None, max_elapsed=self.timeout or timedelta(weeks=1), cap=600.0)

    def wait(self, asks: int, key: str) -> timedelta:
        """How long after ask number `asks` (from 1) the next one is due."""
        cap = max(as_timedelta(self.every), as_timedelta(self.cap))
        return Retry(backoff=self.every, factor=self.factor, cap=cap).delay(asks, key)


def _require_step(owner: str, step: SagaStep) -> None:
    require_claimable(owner, step)
    require_flag(owner, "run_on", step.run_on)
    if step.when is not None:
        require_path(owner, "when", step.when)
    if not isinstance(step.accept, tuple) or not all(map(_is_refusal, step.accept)):
        advice = "Use a tuple of subclasses of Rejected: only those surely had no effect."
        raise wrong(owner, "accept", step.accept, advice)


def _is_refusal(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Rejected)


def step_owner(name: str) -> str:
    """Whose parameters are checked. Raises `DefinitionError` for what is no step's name."""
    require_name("", "step name", name)
    return f"Step {name!r}"


def require_claimable(owner: str, step: Any) -> None:
    """Raises `DefinitionError` for what a worker could not run as it is written."""
    require_flag(owner, "atomic", step.atomic)
    why = "It is async, and Django has no async transactions: use `def`, or leave atomic out."
    for role in ("action", "compensation", "probe"):
        if (function := getattr(step, role)) is not None or role == "action":
            require_function(owner, role, function, not_async=why if step.atomic else "")
    if step.atomic and step.probe is not None:
        advice = "An atomic step's outcome is never unknown: drop the probe."
        raise wrong(owner, "probe", step.probe, advice)
    if step.retry is not None:
        require_retry(owner, "retry", step.retry)
    require_retry(owner, "compensation_retry", step.compensation_retry)
    if step.queue is not None:
        require_queue(owner, step.queue)


def require_retry(owner: str, parameter: str, retry: object) -> None:
    if not isinstance(retry, Retry):
        raise wrong(owner, parameter, retry, "Use Retry(max_attempts=…), or leave it out.")
