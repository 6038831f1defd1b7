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
            SagaStep("hand_over", hand_over, pivot=True),
            SagaStep("send_confirmation", send_confirmation),
        ],
    )

A definition that can't work raises `DefinitionError` where it is written.
"""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sagas.machine.durations import Duration, as_timedelta
from sagas.machine.retry import PATIENT, Retry
from sagas.machine.states import Direction

Context = Mapping[str, Any]
Action = Callable[[Any], Context | None]
"""Takes the context, returns what it adds or changes; see `sagas.machine.context`."""

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Types and steps: they become Celery task names, routing keys and metric labels."""

HARD_LIMIT_GRACE: Final = timedelta(seconds=2)
"""From an attempt's timeout (an exception in the action) to the end of its process. Long enough
to close connections; each second of it is a second more that a hung step is believed."""

LEASE_MARGIN: Final = timedelta(seconds=3)
"""From the end of the process to the end of the lease. Covers the worker's one-second clock for
time limits and the report's own commit; with less, healthy but slow steps are tried twice."""


class DefinitionError(ValueError):
    """A definition that can't work: what is wrong with it, and what to write instead."""


class InvalidInput(ValueError):
    """The input of an execution is not what its definition takes.

    `fields` maps the path of each field at fault (`items.0.quantity`) to a sentence.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {message}" for name, message in fields.items()))
        self.fields = dict(fields)


@dataclass(frozen=True, slots=True)
class SagaStep:
    """One local transaction at one participant, and how to undo it.

    `timeout` bounds each attempt of either direction (a timedelta, or seconds). `queue` routes
    the step's Celery tasks; None is the default queue. After a `pivot` has succeeded the saga
    only goes forward. `compensation_retry` is patient by default: about a day.
    """

    name: str
    action: Action
    compensation: Action | None = None
    retry: Retry = field(default_factory=Retry, kw_only=True)
    compensation_retry: Retry = field(default=PATIENT, kw_only=True)
    timeout: Duration = field(default=30.0, kw_only=True)
    queue: str | None = field(default=None, kw_only=True)
    pivot: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        _require_name("step", self.name)
        for role, function in (("action", self.action), ("compensation", self.compensation)):
            if function is None and role == "compensation":
                continue
            if not callable(function):
                raise DefinitionError(
                    f"Step {self.name!r}: the {role} is {function!r}. Pass a function that takes "
                    f"the context."
                )
            if inspect.iscoroutinefunction(function):
                raise DefinitionError(
                    f"Step {self.name!r}: the {role} is an async function, which a Celery task "
                    f"does not await. Write it with `def`."
                )
        if as_timedelta(self.timeout) <= timedelta(0):
            raise DefinitionError(
                f"Step {self.name!r}: the timeout is {self.timeout}. Each attempt needs time: "
                f"give a positive number of seconds."
            )

    def policy(self, direction: Direction) -> Retry:
        return self.retry if direction is Direction.ACTION else self.compensation_retry

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


class Parallel:
    """Branches that run side by side. Each is a step, a list of steps in order, or a `Parallel`."""

    __slots__ = ("branches",)

    def __init__(self, *branches: "Node | Sequence[Node]") -> None:
        if len(branches) < 2:
            raise DefinitionError(
                f"Parallel has {len(branches)} branch(es): give it two or more, or write the "
                f"step itself."
            )
        self.branches: tuple[Node, ...] = tuple(_as_node(branch) for branch in branches)


class InOrder:
    """Nodes that run one after the other; made from a list."""

    __slots__ = ("nodes",)

    def __init__(self, nodes: "Sequence[Node | Sequence[Node]]") -> None:
        if not nodes:
            raise DefinitionError("A list of steps is empty: name at least one step.")
        self.nodes: tuple[Node, ...] = tuple(_as_node(node) for node in nodes)


Node = SagaStep | Parallel | InOrder


@dataclass(frozen=True)
class Saga:
    """A type of business transaction in one version.

    `validate`, if given, is called with the input before an execution is made and raises
    `InvalidInput` to refuse it.
    """

    saga_type: str
    steps: Sequence[Node | Sequence[Node]]
    version: int = field(default=1, kw_only=True)
    validate: Callable[[Context], None] | None = field(default=None, kw_only=True)
    body: InOrder = field(init=False, repr=False)
    by_name: Mapping[str, SagaStep] = field(init=False, repr=False)
    concurrent: Mapping[str, frozenset[str]] = field(init=False, repr=False)
    """Step → the steps that stand in another branch of a common `Parallel`."""
    pivot: SagaStep | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _require_name("saga", self.saga_type)
        if type(self.version) is not int or self.version < 1:
            raise DefinitionError(
                f"Saga {self.saga_type!r}: the version is {self.version!r}. Use 1, 2, 3 …"
            )
        body = InOrder(self.steps)
        steps = list(steps_of(body))
        for name, times in Counter(step.name for step in steps).items():
            if times > 1:
                raise DefinitionError(
                    f"Saga {self.saga_type!r}: {times} steps are named {name!r}. A step's name is "
                    f"its key at the participant: give each its own."
                )
        pivot = _check_pivot(self.saga_type, body, steps)
        set_once = object.__setattr__  # a frozen dataclass computes its derived fields once, here
        set_once(self, "body", body)
        set_once(self, "by_name", {step.name: step for step in steps})
        set_once(self, "concurrent", dict(_concurrent(body)))
        set_once(self, "pivot", pivot)


def steps_of(node: Node) -> Iterator[SagaStep]:
    """Every step below `node`, in the order in which they are written."""
    match node:
        case SagaStep():
            yield node
        case Parallel(branches=children) | InOrder(nodes=children):
            for child in children:
                yield from steps_of(child)


def _as_node(value: "Node | Sequence[Node]") -> Node:
    if isinstance(value, SagaStep | Parallel | InOrder):
        return value
    if isinstance(value, list | tuple):
        return InOrder(value)
    raise DefinitionError(
        f"{value!r} is not a step: use SagaStep(…), Parallel(…) or a list of them."
    )


def _require_name(what: str, name: object) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise DefinitionError(
            f"The {what} name {name!r} can't be used in task names and routing keys: use "
            f"lower-case letters, digits and '_', 63 at most, a letter first."
        )


def _check_pivot(saga_type: str, body: InOrder, steps: Sequence[SagaStep]) -> SagaStep | None:
    pivots = [step for step in steps if step.pivot]
    if not pivots:
        return None
    if len(pivots) > 1:
        names = ", ".join(step.name for step in pivots)
        raise DefinitionError(
            f"Saga {saga_type!r}: {names} are all pivots. Keep the first step that can't be "
            f"undone as the pivot; the steps after it go forward anyway."
        )
    pivot = pivots[0]
    if pivot not in body.nodes:
        raise DefinitionError(
            f"Saga {saga_type!r}: the pivot {pivot.name!r} stands inside a group, so what comes "
            f"after it is not one order. Move it to the top level."
        )
    for node in body.nodes[body.nodes.index(pivot) + 1 :]:
        for step in steps_of(node):
            if step.compensation is not None:
                raise DefinitionError(
                    f"Saga {saga_type!r}: step {step.name!r} has a compensation but comes after "
                    f"the pivot {pivot.name!r}, from where there is no way back. Move it before "
                    f"the pivot, or drop the compensation."
                )
    return pivot


def _concurrent(node: Node) -> Iterator[tuple[str, frozenset[str]]]:
    """For each step below `node`, the steps of the other branches of the groups around it."""
    match node:
        case SagaStep():
            yield node.name, frozenset()
        case InOrder(nodes=children):
            for child in children:
                yield from _concurrent(child)
        case Parallel(branches=branches):
            for branch in branches:
                others = frozenset(
                    step.name
                    for other in branches
                    if other is not branch
                    for step in steps_of(other)
                )
                for name, inner in _concurrent(branch):
                    yield name, inner | others
