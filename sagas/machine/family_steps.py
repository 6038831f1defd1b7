"""The steps that are made of child executions, each pure data: children have rows, events and
operators' actions of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, TypeGuard

from sagas.machine.conditions import Case, Condition, IsTrue, as_condition, require_path, value_at
from sagas.machine.copying import Keys, require_child, require_keys
from sagas.machine.parameters import (
    PATIENT,
    Duration,
    Retry,
    require_choice,
    require_duration,
    require_name,
    require_whole,
    wrong,
)
from sagas.machine.steps import Action, SagaStep, require_claimable, step_owner
from sagas.machine.waiting_steps import Sleep, WaitFor, require_key

FAILED_ITEM: Final = "failed"
"""The key of what stands in the list of results for an item that gave up: no result has it."""

MOST_CHILDREN_AT_ONCE: Final = 1000
"""Of one `ForEach` without a `max_concurrency`: they start in one transaction, which holds the
parent's row, and their first hints are sent by one process."""

MOST_ROUNDS: Final = 1000
"""Of one `Repeat`: to undo them takes as long as to run them."""


@dataclass(frozen=True, slots=True)
class SubSaga:
    """Another saga as a step of this one. It starts in this saga's transaction, is cancelled
    together with it, and is undone if this saga turns back after it completed.

    `saga_type` is the step's name unless given. `version` is the newest that the starting process
    knows. `input` names the keys of this context that the child starts with; None means all.
    `output` names the keys of the child's context that come back.

    If the child gives up, this saga turns back. With `on_failure="continue"`, it goes on instead:
    the child undoes what it did, and then the context's key `NAME_failed` has the `error` and the
    `message`. A child that can't be undone waits for a person, and so does this saga.
    """

    name: str
    saga_type: str = ""
    input: Keys | None = field(default=None, kw_only=True)
    output: Keys = field(default=(), kw_only=True)
    version: int | None = field(default=None, kw_only=True)
    on_failure: Literal["fail", "continue"] = field(default="fail", kw_only=True)

    def __post_init__(self) -> None:
        owner = step_owner(self.name)
        require_choice(owner, "on_failure", self.on_failure, ("fail", "continue"))
        if self.saga_type == "":
            object.__setattr__(self, "saga_type", self.name)
        if self.input is not None:
            require_keys(owner, "input", self.input)
        require_child(owner, "saga_type", self.saga_type, self.version, self.output)


@dataclass(frozen=True, slots=True)
class ForEach:
    """Runs an action, or a saga, for each item of the list that the context has under the key
    `over`, in parallel, at most `max_concurrency` items at a time.

    Each item is an execution of its own. Its context holds `item`, `index` (from 0) and the keys
    named by `given`. Once all items are done, the saga's context has the list of all results, in
    the order of the items, under the key `name`.

    With `action`, an item is that one step, and its result is what the action returns; the other
    parameters of a step are as for `SagaStep`. With `saga`, an item is an execution of that saga
    type, and its result is a mapping of the keys of its context that `output` names. `version` is
    the newest that the process which starts the item knows.

    If an item gives up, the others are withdrawn, and the saga turns back. With
    `on_failure="continue"`, the others go on, and so does the saga: the item undoes what it did,
    and in its place in the list is `{"failed": {"error": …, "message": …}}`. Then the context's key
    `NAME_failed` has an `error` and a `message`, too. An item that can't be undone waits for a
    person, and so does the saga.

    With `enough`, the saga goes on once so many items have completed: the rest is withdrawn and
    undone, with null in its place. If so many can't be had any more, the step fails.

    With `grows_by` and `closes_by`, the names of two signals, the list grows while the step is at
    work: each signal `grows_by` adds its payload as one more item, 1,000 at most, and the step ends
    once `closes_by` has come and all items are done. Then the list under `over` has all of them.
    """

    name: str
    over: str = field(kw_only=True)
    action: Action | None = field(default=None, kw_only=True)
    saga: str = field(default="", kw_only=True)
    version: int | None = field(default=None, kw_only=True)
    output: Keys = field(default=(), kw_only=True)
    on_failure: Literal["fail", "continue"] = field(default="fail", kw_only=True)
    enough: int | None = field(default=None, kw_only=True)
    grows_by: str = field(default="", kw_only=True)
    closes_by: str = field(default="", kw_only=True)
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
        owner = step_owner(self.name)
        require_key(owner, "name", self.name)
        if not isinstance(self.over, str) or not self.over:
            raise wrong(owner, "over", self.over, "Name the context key that holds the list.")
        most = self.max_concurrency
        if most is not None:
            require_whole(owner, "max_concurrency", most, "Use 1 or more, or None for no limit")
        require_keys(owner, "given", self.given)
        if (self.action is None) == (self.saga == ""):
            given = [name for name in ("action", "saga") if getattr(self, name)]
            raise wrong(owner, "what to do", given, "Give action=… or saga=…, one of them.")
        self._require_defaults(owner)
        if self.action is None:
            require_child(owner, "saga", self.saga, self.version, self.output)
        else:
            require_claimable(owner, self)
            require_duration(owner, "timeout", self.timeout)
        self._require_tolerance(owner)
        self._require_growth(owner)

    def _require_tolerance(self, owner: str) -> None:
        """Raises `DefinitionError` for what can't say how many items have to complete."""
        require_choice(owner, "on_failure", self.on_failure, ("fail", "continue"))
        if self.enough is not None:
            require_whole(owner, "enough", self.enough, "Use 1 or more, or None for all")
            if self.on_failure == "continue":
                advice = "With on_failure='continue', none has to complete: leave one of them out."
                raise wrong(owner, "enough", self.enough, advice)
        given = self.output.values() if isinstance(self.output, Mapping) else self.output
        if tolerates(self) and FAILED_ITEM in given:
            advice = "It is what an item that gave up has: use another key."
            raise wrong(owner, "a key in output", FAILED_ITEM, advice)

    def _require_growth(self, owner: str) -> None:
        """Raises `DefinitionError` for a list that could not grow, or would do so for ever."""
        if not self.grows_by and not self.closes_by:
            return
        for parameter in ("grows_by", "closes_by"):
            require_name(owner, f"signal in {parameter}", getattr(self, parameter))
        if self.grows_by == self.closes_by:
            raise wrong(owner, "closes_by", self.closes_by, "It adds items: name another signal.")
        if self.enough is not None:
            advice = "All items of a list that grows are waited for: leave one of them out."
            raise wrong(owner, "enough", self.enough, advice)

    def _require_defaults(self, owner: str) -> None:
        """Raises `DefinitionError` for a parameter that has no meaning for items of this kind."""
        names: tuple[str, ...] = _OF_ACTION
        advice = "It is for action=…: the steps of a saga have their own."
        if self.action is not None:
            names, advice = _OF_SAGA, "It is for saga=…: an action's result is what it returns."
        for parameter in fields(self):
            value = getattr(self, parameter.name)
            if parameter.name in names and value != parameter.default:
                raise wrong(owner, parameter.name, value, advice)

    @property
    def saga_type(self) -> str:
        """Which saga each item is, as in `SubSaga`; empty if it is an action."""
        return self.saga

    @property
    def each(self) -> SagaStep:
        """The one step of the execution of an item that is an action."""
        assert self.action is not None, "a saga has steps of its own"
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


_OF_SAGA: Final = ("version", "output")

_OF_ACTION: Final = (
    *("compensation", "retry", "compensation_retry"),
    *("timeout", "queue", "probe", "atomic"),
)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Runs `steps` again and again, in rounds one after the other, until the context says so.

    Each round is an execution of its own, `saga_id~NAME.1`, `.2` …. Its context is that of the saga
    after the round before, and `round`, from 1; the keys that changed in it become the saga's once
    it has completed. After each round, the saga ends the step if `until` fits: a key, or a path of
    keys with dots, whose value is there, and not null, false, 0 or empty; or a mapping of such
    paths to what they have to be, as in the cases of a `Choice`, all of them.

    `most` is how many rounds there may be. If `until` doesn't fit after the last one, the step
    fails, or the saga continues. If the saga turns back, the rounds are undone, the newest first.
    """

    name: str
    steps: Sequence[Any]
    """As in a `Saga`."""
    until: str | Mapping[str, Case] = field(kw_only=True)
    most: int = field(kw_only=True)
    on_most: Literal["fail", "continue"] = field(default="fail", kw_only=True)

    def __post_init__(self) -> None:
        owner = step_owner(self.name)
        advice = f"Use a number from 1 to {MOST_ROUNDS:,}"
        require_whole(owner, "most", self.most, advice)
        if self.most > MOST_ROUNDS:
            raise wrong(owner, "most", self.most, f"{advice}.")
        require_choice(owner, "on_most", self.on_most, ("fail", "continue"))
        if not isinstance(self.until, str | Mapping) or not self.until:
            advice = "Name a key of the context, or map such keys to what they have to be."
            raise wrong(owner, "until", self.until, advice)
        for path, _ in self.conditions:
            require_path(owner, "until", path)

    @property
    def conditions(self) -> list[tuple[str, Condition]]:
        """What has to be under which path for it to end."""
        if isinstance(self.until, str):
            return [(self.until, IsTrue())]
        owner = step_owner(self.name)
        return [(path, as_condition(owner, case)) for path, case in self.until.items()]

    def is_over(self, context: Mapping[str, Any]) -> bool:
        """Whether `until` fits."""
        return all(condition.fits(value_at(context, path)) for path, condition in self.conditions)

    @property
    def said(self) -> str:
        """`until` in words."""
        if isinstance(self.until, str):
            return self.until
        return ", ".join(f"{path} is {condition.label}" for path, condition in self.conditions)


Family = SubSaga | ForEach | Repeat
"""Steps made of child executions."""

Step = SagaStep | WaitFor | Sleep | SubSaga | ForEach | Repeat


def signals_of(step: Step) -> tuple[str, ...]:
    """The names of the signals that it takes."""
    match step:
        case WaitFor(name=name):
            return (name,)
        case ForEach(grows_by=str(grows_by), closes_by=closes_by) if grows_by:
            return (grows_by, closes_by)
        case _:
            return ()


def is_compensable(step: Step) -> bool:
    """Whether there is a way to undo it. Children are always told: they know what to undo."""
    if isinstance(step, SagaStep):
        return step.compensation is not None
    return isinstance(step, Family)


def defines_children(step: Step | None) -> TypeGuard[ForEach | Repeat]:
    """Whether it says itself what its children do; others name the saga that theirs are of."""
    return isinstance(step, Repeat) or (isinstance(step, ForEach) and step.action is not None)


def catches(step: Step | None) -> bool:
    """Whether the saga goes on without the child of a step, if that gave up."""
    return isinstance(step, SubSaga) and step.on_failure == "continue"


def tolerates(step: Step | None) -> bool:
    """Whether the saga goes on though some items of a step gave up."""
    return isinstance(step, ForEach) and (step.on_failure, step.enough) != ("fail", None)
