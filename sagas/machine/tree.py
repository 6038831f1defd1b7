"""The order of a saga's steps: a tree of sequences, parallel groups and choices."""

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Final

from sagas.machine.conditions import Case, IsTrue, as_condition, require_path, value_at
from sagas.machine.family_steps import Step
from sagas.machine.parameters import DefinitionError, require_name, shown, wrong
from sagas.machine.steps import SagaStep
from sagas.machine.waiting_steps import Sleep, WaitFor, require_key

DEEPEST: Final = 50
"""Levels of lists and groups in each other. Deeper than anybody can read, and far from Python's
limit, which what walks the tree would meet."""


class Parallel:
    """Branches that run in parallel. Each is a step, a list of steps in order, or a `Parallel`."""

    __slots__ = ("branches", "depth")

    def __init__(self, *branches: "Way") -> None:
        if len(branches) < 2:
            raise DefinitionError(
                f"Parallel has {len(branches)} branch(es): give it two or more, or write the "
                f"step itself."
            )
        self.branches: tuple[Node, ...] = tuple(_as_node(branch, 1) for branch in branches)
        self.depth = _depth_above(self.branches)


class Choice:
    """One of several ways, by what the context has under a key when the choice is reached.

    `on` is the key, or a path of keys with dots between them (`"decision.outcome"`). `cases` maps
    each value to the steps to take: a string, a number, True, False or None, compared as JSON; or
    a condition, `Between(…)` or `Present()`. `cases` may also be a list of such pairs. The first
    case that fits is taken; if none does, `otherwise`, or else nothing. An empty list of steps is
    nothing, too. It is decided once; the steps of the other ways never run, and so are never
    undone.

    Raises `DefinitionError` for a choice that can't work.
    """

    __slots__ = ("conditions", "depth", "name", "on", "ways")

    def __init__(
        self,
        name: str,
        on: str,
        cases: "Mapping[Any, Way] | Sequence[tuple[Case, Way]]",
        otherwise: "Way | None" = None,
    ) -> None:
        require_name("", "choice name", name)
        owner = f"Choice {name!r}"
        require_path(owner, "on", on)
        pairs = list(cases.items()) if isinstance(cases, Mapping) else cases
        if not isinstance(pairs, list | tuple) or not pairs or not all(map(_is_pair, pairs)):
            advice = "Use a mapping of values to steps, or a list of such pairs; at least one."
            raise wrong(owner, "cases", cases, advice)
        conditions = [as_condition(owner, value) for value, _ in pairs]
        for condition, times in Counter(conditions).items():
            if times > 1:
                raise wrong(owner, "cases", condition.label, f"{times} cases are the same.")
        ways = [*(way for _, way in pairs), *([] if otherwise is None else [otherwise])]
        labels = [*(condition.label for condition in conditions), OTHERWISE]
        self.name, self.on, self.conditions = name, on, tuple(conditions)
        self.ways = dict(zip(labels, (_as_way(way) for way in ways), strict=False))
        """What a choice is recorded as → the steps that it leads to."""
        self.depth = _depth_above(list(self.ways.values()))

    @classmethod
    def of_step(cls, step: SagaStep) -> "Choice":
        """The choice that a step with `when` stands for."""
        assert step.when is not None, "only such a step is one"
        found = cls.__new__(cls)
        found.name, found.on, found.conditions, found.depth = step.name, step.when, (IsTrue(),), 1
        found.ways = {IsTrue().label: step}
        return found

    @property
    def takes_something(self) -> bool:
        """Whether there is a way for every value."""
        return OTHERWISE in self.ways

    def with_ways(self, ways: "Mapping[str, Node]") -> "Choice":
        """The same choice, which leads to other steps."""
        found = copy(self)
        found.ways = dict(ways)
        return found

    @property
    def is_of_step(self) -> bool:
        """Whether it stands for a step with `when`, whose name it has."""
        return self.conditions == (IsTrue(),)

    def choose(self, context: Mapping[str, Any]) -> str:
        """Which way to take: a key of `ways`, or an empty string for none."""
        value = value_at(context, self.on)
        for condition in self.conditions:
            if condition.fits(value):
                return condition.label
        return OTHERWISE if self.takes_something else ""


class FirstOf(Choice):
    """Waits side by side, of which the first to end decides; the others are withdrawn.

    The members are `WaitFor` and `Sleep`, two or more. The context's key `name` becomes the name of
    the one that ended first: a `Choice` can follow. If two end at the same moment, the one that is
    written first counts.
    """

    __slots__ = ()

    def __init__(self, name: str, *members: WaitFor | Sleep) -> None:
        require_name("", "name of a FirstOf", name)
        owner = f"FirstOf {name!r}"
        require_key(owner, "name", name)
        if len(members) < 2 or not all(isinstance(each, WaitFor | Sleep) for each in members):
            raise wrong(owner, "members", members, "Give two or more WaitFor(…) and Sleep(…).")
        self.name, self.on, self.conditions, self.depth = name, name, (), 1
        self.ways = {each.name: each for each in members}
        if len(self.ways) < len(members):
            raise wrong(owner, "members", [each.name for each in members], "Two have one name.")


OTHERWISE: Final = "otherwise"
"""What a choice is recorded as that took the way for all other values. No value is: a string has
quotation marks there."""


class InOrder:
    """Nodes that run one after the other; made from a list."""

    __slots__ = ("depth", "nodes")

    def __init__(self, nodes: "Sequence[Way]", level: int = 0) -> None:
        _require_list(nodes)
        if not nodes:
            raise DefinitionError("A list of steps is empty: name at least one step.")
        self.nodes: tuple[Node, ...] = tuple(_as_node(node, level + 1) for node in nodes)
        self.depth = _depth_above(self.nodes)


Node = Step | Parallel | Choice | InOrder
Way = Node | Sequence["Way"]
"""A step, a group, or a list of those."""


def _as_way(value: Way) -> Node:
    """A list of steps may be empty here: that way does nothing."""
    if isinstance(value, list | tuple) and not value:
        nothing = InOrder.__new__(InOrder)
        nothing.nodes, nothing.depth = (), 1
        return nothing
    return _as_node(value, 1)


def _is_pair(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2


def _as_node(value: Way, level: int) -> Node:
    if isinstance(value, SagaStep) and value.when is not None:
        return Choice.of_step(value)
    if isinstance(value, Step | Parallel | Choice | InOrder):
        return value
    if isinstance(value, list | tuple):
        if level >= DEEPEST:  # a list may hold itself
            raise _too_deep()
        return InOrder(value, level)
    raise DefinitionError(
        f"{shown(value)} is not a step: use SagaStep(…), Parallel(…), Choice(…) or a list of them."
    )


def _require_list(nodes: object) -> None:
    if not isinstance(nodes, list | tuple):
        raise DefinitionError(f"The steps are {shown(nodes)}. Write a list of steps.")


def _depth_above(nodes: Sequence[Node]) -> int:
    """Levels of what holds `nodes`. Raises `DefinitionError` for too many."""
    depth = 1 + max(getattr(node, "depth", 0) for node in nodes)
    if depth > DEEPEST:
        raise _too_deep()
    return depth


def _too_deep() -> DefinitionError:
    return DefinitionError(
        f"Lists, Parallels and Choices are nested more than {DEEPEST} levels deep. Flatten them, "
        "or move a part into another saga and use SubSaga(…)."
    )
