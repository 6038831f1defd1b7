"""A saga as its author writes it: steps, their order, their policies. Pure data, checked at once.

::

    Saga(
        "order_processing",
        version=1,
        steps=[
            SagaStep("reserve_inventory", reserve_inventory, release_inventory, timeout=5),
            Parallel(
                SagaStep("process_payment", process_payment, refund_payment, retry=Retry(8)),
                [SagaStep("pack", pack, unpack), SagaStep("label", label)],
            ),
            WaitFor("payment_confirmed", timeout=3600),
            Pivot("hand_over", hand_over),
            SagaStep("send_confirmation", send_confirmation),
        ],
    )

A definition that can't work raises `DefinitionError` where it is written.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from sagas.machine.family_steps import ForEach, Repeat, Step, SubSaga, defines_children
from sagas.machine.naming import require_own_names, signal_steps
from sagas.machine.parameters import (
    PATIENT,
    DefinitionError,
    Duration,
    Retry,
    require_choice,
    require_duration,
    require_function,
    require_name,
    require_whole,
    wrong,
)
from sagas.machine.states import Direction
from sagas.machine.steps import Pivot, Poll, SagaStep
from sagas.machine.traversal import (
    choices_of,
    concurrent_steps,
    frontier,
    outline,
    require_retriable,
    steps_after_pivot,
    steps_of,
    ways_to,
)
from sagas.machine.tree import Choice, InOrder, Way
from sagas.machine.waiting_steps import Sleep, WaitFor, remind_of

DEFAULT_RETRY: Final = Retry()

_READ_ONLY: Final = ("by_name", "signals", "choices", "concurrent", "tasks", "ways_to")

MOST_STEPS: Final = 1000
"""Of one saga. Each has its state in the execution's row, which every transition reads; and what
stands beside each other is compared each with each."""


LONGEST_TYPE: Final = 127
"""Characters of the saga type of items or rounds, which the row has room for."""


class InvalidInput(ValueError):
    """The input of an execution does not fit its definition.

    `fields` maps the path of each invalid field (`items.0.quantity`) to a sentence.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {message}" for name, message in fields.items()))
        self.fields = dict(fields)


@dataclass(frozen=True)
class Saga:
    """A type of business transaction in one version.

    `input` is a dataclass or a Pydantic model, which the input has to fit; the API has its JSON
    Schema. `validate`, if given, is called with the input before an execution is created. It raises
    `InvalidInput` to refuse the input. `locks` returns the names that an execution holds from its
    start to its end, so that no other execution that needs one of them runs at the same time.
    `limits` returns names with whole numbers: `{"partner:acme": 5}` lets at most 5 executions that
    name it run at a time, with children counted as a part of theirs. `on_conflict` says what
    happens to one more. These functions are called inside the start's transaction, so they must
    only compute, and not call other services. `deadline` (a timedelta, or seconds) limits the way
    forward: if it passes before the pivot, the saga turns back.
    """

    saga_type: str
    steps: Sequence[Way]
    version: int = field(default=1, kw_only=True)
    input: type | None = field(default=None, kw_only=True)
    validate: Callable[[Mapping[str, Any]], None] | None = field(default=None, kw_only=True)
    locks: Callable[[Mapping[str, Any]], Iterable[str]] | None = field(default=None, kw_only=True)
    limits: Callable[[Mapping[str, Any]], Mapping[str, int]] | None = field(
        default=None, kw_only=True
    )
    on_conflict: Literal["wait", "fail"] = field(default="wait", kw_only=True)
    deadline: Duration | None = field(default=None, kw_only=True)
    items_of: ForEach | Repeat | None = field(default=None, kw_only=True, repr=False)
    """The engine's own: set in the definition of a `ForEach`'s items, or a `Repeat`'s rounds."""
    forward_only: bool = field(default=False, kw_only=True, repr=False)
    """The engine's own: set in the definition of rounds that come after the pivot."""
    body: InOrder = field(init=False, repr=False)
    by_name: Mapping[str, Step] = field(init=False, repr=False)
    signals: Mapping[str, Step] = field(init=False, repr=False)
    """The name of each signal → the step that takes it, or whose rounds do."""
    choices: Mapping[str, Choice] = field(init=False, repr=False)
    """Of a step with `when`, too, under its name."""
    ways_to: Mapping[str, Sequence[tuple[str, str]]] = field(init=False, repr=False)
    """Step → the choices that it stands in, each with the way that leads to the step."""
    concurrent: Mapping[str, frozenset[str]] = field(init=False, repr=False)
    """Step → the steps that stand in another branch of a common `Parallel`."""
    tasks: Mapping[str, WaitFor] = field(init=False, repr=False)
    """The waits that are tasks for a person."""
    begins_alike: bool = field(init=False, repr=False)
    """Whether all executions begin with the same events, whatever is in their contexts."""
    pivots: tuple[Pivot, ...] = field(init=False, repr=False)
    after_pivot: frozenset[str] = field(init=False, repr=False)
    """The steps that come after a pivot, on one way at least."""
    item_sagas: tuple["Saga", ...] = field(init=False, repr=False)
    """The definitions of the items of each `ForEach`, and of the rounds of each `Repeat`."""
    digest: str = field(init=False, repr=False)
    """SHA-256 of the structure: the steps' kinds, names and order, the choices between them, and
    which steps have a compensation. An execution keeps the one that it was started with (S12)."""

    def __post_init__(self) -> None:
        if self.items_of is None:
            require_name("", "saga name", self.saga_type)
        owner = f"Saga {self.saga_type!r}"
        require_whole(owner, "version", self.version, "Use 1, 2, 3 …")
        require_choice(owner, "on_conflict", self.on_conflict, ("wait", "fail"))
        if self.deadline is not None:
            require_duration(owner, "deadline", self.deadline)
        if self.input is not None and not isinstance(self.input, type):
            raise wrong(owner, "input", self.input, "Use a dataclass or a Pydantic model.")
        for what in ("validate", "locks", "limits"):
            if (function := getattr(self, what)) is not None:
                require_function(owner, what, function)
        body = InOrder(self.steps)
        steps = list(steps_of(body))
        if len(steps) > MOST_STEPS:
            raise DefinitionError(
                f"{owner} has {len(steps):,} steps, and at most {MOST_STEPS:,} are allowed. Use "
                "ForEach for many similar steps, or SubSaga for a part."
            )
        choices = list(choices_of(body))
        require_own_names(owner, [*steps, *(each for each in choices if not each.is_of_step)])
        pivots = [step for step in steps if isinstance(step, Pivot)]
        after = [step for each in pivots for step in steps_after_pivot(self.saga_type, body, each)]
        after = steps if self.forward_only else after
        for step in after:
            require_retriable(self.saga_type, step)
        set_once = object.__setattr__  # a frozen dataclass computes its derived fields once, here
        set_once(self, "body", body)
        set_once(self, "by_name", MappingProxyType({step.name: step for step in steps}))
        set_once(self, "choices", MappingProxyType({each.name: each for each in choices}))
        set_once(self, "ways_to", MappingProxyType(dict(ways_to(body))))
        set_once(self, "concurrent", MappingProxyType(dict(concurrent_steps(body))))
        tasks = {each.name: each for each in steps if isinstance(each, WaitFor) and each.is_task}
        set_once(self, "tasks", MappingProxyType(tasks))
        set_once(self, "begins_alike", not any(map(_reads_context, frontier(body, (), {}))))
        set_once(self, "pivots", tuple(pivots))
        set_once(self, "after_pivot", frozenset(step.name for step in after))
        set_once(self, "item_sagas", tuple(self._parts_of(steps)))
        signals = signal_steps(owner, steps, choices, self._signals_in_rounds())
        set_once(self, "signals", MappingProxyType(signals))
        self._require_other_sagas(owner)
        set_once(self, "digest", hashlib.sha256(json.dumps(outline(body)).encode()).hexdigest())

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to have the same: read-only mappings can't be pickled."""
        return {
            name: dict(value) if isinstance(value, MappingProxyType) else value
            for name, value in vars(self).items()
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            is_mapping = name in _READ_ONLY
            object.__setattr__(self, name, MappingProxyType(value) if is_mapping else value)

    def _require_other_sagas(self, owner: str) -> None:
        """Raises `DefinitionError` for a saga that is a step of itself: it would never end."""
        advice = "That is this saga itself, which would never end: name another saga, or a version."
        for step in self.sub_sagas:
            if step.saga_type == self.saga_type and step.version in (None, self.version):
                parameter = "saga_type" if isinstance(step, SubSaga) else "saga"
                raise wrong(f"{owner}, step {step.name!r}", parameter, step.saga_type, advice)
        for name, saga_type, _ in self._reminders():
            if saga_type == self.saga_type:
                raise wrong(f"{owner}, step {name!r}", "remind.saga", saga_type, advice)

    @property
    def may_wait_for_others(self) -> bool:
        """Whether its executions may need names that others hold."""
        return self.locks is not None or self.limits is not None

    @property
    def claimed_steps(self) -> list[SagaStep]:
        """The steps that workers claim, as they are written."""
        return [step for step in self.by_name.values() if isinstance(step, SagaStep)]

    @property
    def sub_sagas(self) -> list[SubSaga | ForEach]:
        """The steps that start another saga, which they name, in rounds, too."""
        steps = self.by_name.values()
        own = [s for s in steps if isinstance(s, SubSaga | ForEach) and s.saga_type]
        return [*own, *(step for part in self.item_sagas for step in part.sub_sagas)]

    @property
    def named_sagas(self) -> list[tuple[str, str, int | None]]:
        """The sagas that its steps start, in rounds, too: the step, the saga's type, its version
        (None for the newest). Those of reminders are among them."""
        started = [(step.name, step.saga_type, step.version) for step in self.sub_sagas]
        return [*started, *self._reminders()]

    def _reminders(self) -> Iterator[tuple[str, str, int | None]]:
        for step in self.by_name.values():
            if (remind := remind_of(step)) is not None:
                yield step.name, remind.saga, None
        for part in self.item_sagas:
            yield from part._reminders()

    def claimed_step(self, name: str) -> SagaStep | None:
        """The step of that name, if it is one that workers claim."""
        found = self.by_name.get(name)
        return found if isinstance(found, SagaStep) else None

    def leaves_out(self, name: str, choices: Mapping[str, str]) -> bool:
        """Whether one of the `choices` that were made took another way than the one to a step."""
        return any(choices.get(choice, way) != way for choice, way in self.ways_to.get(name, ()))

    def policy(self, step: SagaStep, direction: Direction) -> Retry:
        """How the attempts of `step` in that direction are repeated."""
        if direction is Direction.COMPENSATION:
            return step.compensation_retry
        if isinstance(step, Poll) and step.retry is None:
            return step.patience
        return step.retry or self._default_retry(step)

    def _default_retry(self, step: Step) -> Retry:
        return PATIENT if step.name in self.after_pivot else DEFAULT_RETRY

    def _parts_of(self, steps: Iterable[Step]) -> Iterator["Saga"]:
        for step in steps:
            if not defines_children(step):
                continue
            part: Sequence[Way] = step.steps if isinstance(step, Repeat) else [self._each(step)]
            is_after = isinstance(step, Repeat) and step.name in self.after_pivot
            name = items_type(self.saga_type, step)
            if len(name) > LONGEST_TYPE:
                raise DefinitionError(f"{name} is too long: use shorter names, or fewer Repeats.")
            found = Saga(name, part, version=self.version, items_of=step, forward_only=is_after)
            if found.pivots:
                raise DefinitionError(
                    f"Step {step.name!r}: {found.pivots[0].name!r} is a pivot, but a later round "
                    "may fail, and then all rounds are undone. Use a SagaStep, or put the pivot "
                    "after the Repeat."
                )
            yield found

    def _signals_in_rounds(self) -> Iterator[tuple[str, Repeat]]:
        for part in self.item_sagas:
            for name, step in part.signals.items():
                if isinstance(part.items_of, Repeat) and isinstance(step, WaitFor | Repeat):
                    yield name, part.items_of

    def _each(self, step: ForEach) -> SagaStep:
        return replace(step.each, retry=step.retry or self._default_retry(step))


def items_type(saga_type: str, step: ForEach | Repeat) -> str:
    """The saga type of the items' or rounds' executions. No author's type has a dot."""
    return f"{saga_type}.{step.name}"


def _reads_context(first: Step | Choice) -> bool:
    """Whether what becomes of a step or a choice, once it is reached, depends on the context."""
    match first:
        case WaitFor(timeout=timeout, is_task=is_task):
            return is_task or isinstance(timeout, str)
        case Sleep(duration=duration):
            return duration is None
        case _:
            return isinstance(first, Choice | ForEach | Repeat | SubSaga)
