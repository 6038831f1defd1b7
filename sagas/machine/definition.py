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
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from sagas.machine.parameters import (
    DefinitionError,
    Duration,
    require_choice,
    require_duration,
    require_function,
    require_name,
    require_whole,
    wrong,
)
from sagas.machine.retry import PATIENT, Retry
from sagas.machine.states import Direction
from sagas.machine.steps import (
    ForEach,
    Pivot,
    SagaStep,
    Step,
    SubSaga,
    WaitFor,
)
from sagas.machine.tree import InOrder, Node, concurrent_steps, outline, steps_of

DEFAULT_RETRY: Final = Retry()

MOST_STEPS: Final = 1000
"""Of one saga. Each has its state in the execution's row, which every transition reads; and what
stands beside each other is compared each with each."""


class InvalidInput(ValueError):
    """The input of an execution is not what its definition takes.

    `fields` maps the path of each field at fault (`items.0.quantity`) to a sentence.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {message}" for name, message in fields.items()))
        self.fields = dict(fields)


@dataclass(frozen=True)
class Saga:
    """A type of business transaction in one version.

    `validate`, if given, is called with the input before an execution is made and raises
    `InvalidInput` to refuse it. `locks` gives the names that an execution holds from its start to
    its end, so that no other that wants one of them runs meanwhile; `on_conflict` says what
    becomes of the other. Both are called inside the start's transaction: they compute, and ask
    nobody. `deadline` (a timedelta, or seconds) bounds the way forward: past it, and before the
    pivot, the saga turns back.
    """

    saga_type: str
    steps: Sequence[Node | Sequence[Node]]
    version: int = field(default=1, kw_only=True)
    validate: Callable[[Mapping[str, Any]], None] | None = field(default=None, kw_only=True)
    locks: Callable[[Mapping[str, Any]], Iterable[str]] | None = field(default=None, kw_only=True)
    on_conflict: Literal["wait", "fail"] = field(default="wait", kw_only=True)
    deadline: Duration | None = field(default=None, kw_only=True)
    items_of: ForEach | None = field(default=None, kw_only=True, repr=False)
    """The engine's own: set in the definition of a `ForEach`'s items."""
    body: InOrder = field(init=False, repr=False)
    by_name: Mapping[str, Step] = field(init=False, repr=False)
    concurrent: Mapping[str, frozenset[str]] = field(init=False, repr=False)
    """Step → the steps that stand in another branch of a common `Parallel`."""
    pivot: Pivot | None = field(init=False, repr=False)
    after_pivot: frozenset[str] = field(init=False, repr=False)
    digest: str = field(init=False, repr=False)
    """SHA-256 of the structure: the steps' kinds, names and order, and which have a compensation.
    An execution keeps the one that it was started with (S12)."""

    def __post_init__(self) -> None:
        if self.items_of is None:
            require_name("", "saga name", self.saga_type)
        owner = f"Saga {self.saga_type!r}"
        require_whole(owner, "version", self.version, "Use 1, 2, 3 …")
        require_choice(owner, "on_conflict", self.on_conflict, ("wait", "fail"))
        if self.deadline is not None:
            require_duration(owner, "deadline", self.deadline)
        for what, function in (("validate", self.validate), ("locks", self.locks)):
            if function is not None:
                require_function(owner, what, function)
        body = InOrder(self.steps)
        steps = list(steps_of(body))
        if len(steps) > MOST_STEPS:
            raise DefinitionError(
                f"{owner} has {len(steps):,} steps, and {MOST_STEPS:,} are the most. Use ForEach "
                f"for many that are alike, or SubSaga for a part."
            )
        for name, times in Counter(step.name for step in steps).items():
            if times > 1:
                raise DefinitionError(
                    f"Saga {self.saga_type!r}: {times} steps are named {name!r}. A step's name is "
                    f"its key at the participant: give each its own."
                )
        for step in steps:
            self._require_other_saga(owner, step)
        pivot = _the_pivot(self.saga_type, body, steps)
        after = _steps_after(body, pivot)
        for step in after:
            _require_retriable(self.saga_type, step)
        set_once = object.__setattr__  # a frozen dataclass computes its derived fields once, here
        set_once(self, "body", body)
        set_once(self, "by_name", MappingProxyType({step.name: step for step in steps}))
        set_once(self, "concurrent", MappingProxyType(dict(concurrent_steps(body))))
        set_once(self, "pivot", pivot)
        set_once(self, "after_pivot", frozenset(step.name for step in after))
        set_once(self, "digest", hashlib.sha256(json.dumps(outline(body)).encode()).hexdigest())

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to have the same: read-only mappings can't be pickled."""
        return {
            name: dict(value) if isinstance(value, MappingProxyType) else value
            for name, value in vars(self).items()
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            is_mapping = name in ("by_name", "concurrent")
            object.__setattr__(self, name, MappingProxyType(value) if is_mapping else value)

    def _require_other_saga(self, owner: str, step: Step) -> None:
        """Raises `DefinitionError` for a saga that is a step of itself: it would never end."""
        if not isinstance(step, SubSaga) or step.saga_type != self.saga_type:
            return
        if step.version is None or step.version == self.version:
            of_which = f"{owner}, step {step.name!r}"
            advice = "That is this very saga, which would never end: name another, or its version."
            raise wrong(of_which, "saga_type", step.saga_type, advice)

    @property
    def claimed_steps(self) -> list[SagaStep]:
        """The steps that workers claim, as they are written."""
        return [step for step in self.by_name.values() if isinstance(step, SagaStep)]

    @property
    def sub_sagas(self) -> list[SubSaga]:
        """The steps that start another saga."""
        return [step for step in self.by_name.values() if isinstance(step, SubSaga)]

    def claimed_step(self, name: str) -> SagaStep | None:
        """The step of that name, if it is one that workers claim."""
        found = self.by_name.get(name)
        return found if isinstance(found, SagaStep) else None

    def policy(self, step: SagaStep, direction: Direction) -> Retry:
        """How the attempts of `step` in that direction are repeated."""
        if direction is Direction.COMPENSATION:
            return step.compensation_retry
        return step.retry or self._default_retry(step)

    def _default_retry(self, step: Step) -> Retry:
        return PATIENT if step.name in self.after_pivot else DEFAULT_RETRY

    @property
    def item_sagas(self) -> list["Saga"]:
        """The definitions of the items of each `ForEach`."""
        found = []
        for step in self.by_name.values():
            if isinstance(step, ForEach):
                each = replace(step.each, retry=step.retry or self._default_retry(step))
                name = items_type(self.saga_type, step)
                found.append(Saga(name, [each], version=self.version, items_of=step))
        return found


def items_type(saga_type: str, step: ForEach) -> str:
    """The saga type of the items' executions. No author's type has a dot."""
    return f"{saga_type}.{step.name}"


def _the_pivot(saga_type: str, body: InOrder, steps: Sequence[Step]) -> Pivot | None:
    pivots = [step for step in steps if isinstance(step, Pivot)]
    if len(pivots) > 1:
        names = ", ".join(step.name for step in pivots)
        raise DefinitionError(
            f"Saga {saga_type!r}: {names} are all pivots. Keep the first step that can't be "
            f"undone as the pivot; the steps after it go forward anyway."
        )
    if pivots and pivots[0] not in body.nodes:
        raise DefinitionError(
            f"Saga {saga_type!r}: the pivot {pivots[0].name!r} stands inside a group, so what "
            f"comes after it is not one order. Move it to the top level."
        )
    return pivots[0] if pivots else None


def _steps_after(body: InOrder, pivot: Pivot | None) -> list[Step]:
    if pivot is None:
        return []
    after = body.nodes[body.nodes.index(pivot) + 1 :]
    return [step for node in after for step in steps_of(node)]


def _require_retriable(saga_type: str, step: Step) -> None:
    """After the pivot there is no way back: a step must be able to succeed in the end."""
    where = f"Saga {saga_type!r}: step {step.name!r} comes after the pivot, from where there is no"
    if getattr(step, "compensation", None) is not None:
        raise DefinitionError(
            f"{where} way back, but has a compensation. Move it before the pivot, or drop the "
            f"compensation."
        )
    retry = getattr(step, "retry", None)
    if retry is not None and retry.max_attempts == 1:
        raise DefinitionError(
            f"{where} way back, but is tried only once. Give its retry more attempts."
        )
    if isinstance(step, WaitFor) and step.timeout is not None and step.on_timeout == "fail":
        raise DefinitionError(
            f'{where} way back, but fails without its signal. Use on_timeout="continue", or no '
            f"timeout."
        )
