"""The order of a saga's steps: a tree of sequences and parallel groups."""

from collections.abc import Iterator, Sequence

from sagas.machine.steps import DefinitionError, Step


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


Node = Step | Parallel | InOrder


def steps_of(node: Node) -> Iterator[Step]:
    """Every step below `node`, in the order in which they are written."""
    match node:
        case Parallel(branches=children) | InOrder(nodes=children):
            for child in children:
                yield from steps_of(child)
        case _:
            yield node


def concurrent_steps(node: Node) -> Iterator[tuple[str, frozenset[str]]]:
    """For each step below `node`, the steps of the other branches of the groups around it."""
    match node:
        case InOrder(nodes=children):
            for child in children:
                yield from concurrent_steps(child)
        case Parallel(branches=branches):
            for branch in branches:
                others = frozenset(
                    step.name
                    for other in branches
                    if other is not branch
                    for step in steps_of(other)
                )
                for name, inner in concurrent_steps(branch):
                    yield name, inner | others
        case _:
            yield node.name, frozenset()


def outline(node: Node) -> object:
    """The structure of `node` as JSON values: kinds, names, order, and what has a compensation;
    but no policies, which may change while executions run."""
    match node:
        case InOrder(nodes=nodes):
            return [outline(child) for child in nodes]
        case Parallel(branches=branches):
            return {"parallel": [outline(branch) for branch in branches]}
        case _:
            compensation = getattr(node, "compensation", None)
            return {
                "kind": type(node).__name__,
                "name": node.name,
                "undone": compensation is not None,
                "of": getattr(node, "saga_type", None) or getattr(node, "over", None),
            }


def _as_node(value: "Node | Sequence[Node]") -> Node:
    if isinstance(value, Step | Parallel | InOrder):
        return value
    if isinstance(value, list | tuple):
        return InOrder(value)
    raise DefinitionError(
        f"{value!r} is not a step: use SagaStep(…), Parallel(…) or a list of them."
    )
