"""What follows from the order of a saga's steps: which come next, in either direction; which stand
beside each other, after each other, or on which way of a choice; and what a pivot asks of them."""

from collections.abc import Container, Iterator, Mapping

from sagas.machine.family_steps import Repeat, Step, signals_of, tolerates
from sagas.machine.parameters import DefinitionError
from sagas.machine.steps import Pivot, Poll
from sagas.machine.tree import Choice, FirstOf, InOrder, Node, Parallel
from sagas.machine.waiting_steps import WaitFor, collects


def steps_of(node: Node) -> Iterator[Step]:
    """Every step below `node`, in the order in which they are written."""
    match node:
        case Parallel(branches=children) | InOrder(nodes=children):
            for child in children:
                yield from steps_of(child)
        case Choice():
            for way in node.ways.values():
                yield from steps_of(way)
        case _:
            yield node


def choices_of(node: Node) -> Iterator[Choice]:
    """Every choice below `node`, each before those within its ways."""
    match node:
        case Parallel(branches=children) | InOrder(nodes=children):
            for child in children:
                yield from choices_of(child)
        case Choice():
            yield node
            for way in node.ways.values():
                yield from choices_of(way)
        case _:
            return


def ways_to(node: Node) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Of each step below `node` that is in a choice: the choices around it, each with the way that
    leads to the step."""
    match node:
        case Parallel(branches=children) | InOrder(nodes=children):
            for child in children:
                yield from ways_to(child)
        case Choice(name=name):
            for label, way in node.ways.items():
                inner = dict(ways_to(way))
                for step in steps_of(way):
                    yield step.name, [(name, label), *inner.get(step.name, [])]
        case _:
            return


def steps_after(node: Node, step: Step) -> list[Step] | None:
    """The steps that come after `step`, which is below `node`, if it is taken. None if it is not
    below `node`, or in parallel with others."""
    match node:
        case InOrder(nodes=nodes):
            for index, child in enumerate(nodes):
                if (found := steps_after(child, step)) is not None:
                    return [*found, *(s for later in nodes[index + 1 :] for s in steps_of(later))]
        case Choice():
            for way in node.ways.values():
                if (found := steps_after(way, step)) is not None:
                    return found
        case _:
            return [] if node is step else None
    return None


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
        case Choice():
            for way in node.ways.values():
                yield from concurrent_steps(way)
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
        case FirstOf(name=name, ways=ways):
            return {"first of": name, "ways": [outline(way) for way in ways.values()]}
        case Choice(name=name, on=on, ways=ways):
            labelled = [[label, outline(way)] for label, way in ways.items()]
            return {"choice": name, "on": on, "ways": labelled}
        case Repeat(name=name, steps=steps, until=until, conditions=conditions):
            pairs = [[path, condition.label] for path, condition in conditions]
            key = until if isinstance(until, str) else pairs
            return {"repeat": name, "until": key, "steps": outline(InOrder(steps))}
        case _:
            compensation = getattr(node, "compensation", None)
            found = {
                "kind": type(node).__name__,
                "name": node.name,
                "undone": compensation is not None,
                "of": _what_it_is_of(node),
            }
            # No policy: what was told to items that are at work depends on it.
            has_to_complete = getattr(node, "enough", None) or "any"
            found |= {"enough": has_to_complete} if tolerates(node) else {}
            signals = [] if isinstance(node, WaitFor) else [*signals_of(node)]
            return found | {"signals": signals} if signals else found


def _what_it_is_of(step: Step) -> object:
    """What the children of a step are made of, or "signals" of a wait that makes a list of them;
    None for other steps."""
    if collects(step):
        return "signals"
    over, saga_type = getattr(step, "over", None), getattr(step, "saga_type", None)
    return [over, saga_type] if over and saga_type else saga_type or over


def frontier(node: Node, settled: Container[str], chosen: Mapping[str, str]) -> list[Step | Choice]:
    """The steps below `node` that come next: not `settled`, and nothing before them unsettled;
    and the choices that have to be made, if nothing before them is unsettled.

    `chosen` tells which way was taken at each choice that was made. Branches don't wait for each
    other. Empty if all of `node` is settled.
    """
    match node:
        case InOrder(nodes=nodes):
            for child in nodes:
                if found := frontier(child, settled, chosen):
                    return found
            return []
        case Parallel(branches=branches):
            return [step for branch in branches for step in frontier(branch, settled, chosen)]
        case Choice(name=name):
            if name not in chosen:
                return _before_choice(node, settled, chosen)
            way = node.ways.get(chosen[name])
            return [] if way is None else frontier(way, settled, chosen)
        case _:
            return [] if node.name in settled else [node]


def _before_choice(
    node: Choice, settled: Container[str], chosen: Mapping[str, str]
) -> list[Step | Choice]:
    """Until one of its members has ended, a `FirstOf` is a group side by side."""
    if not isinstance(node, FirstOf):
        return [node]
    ahead = [frontier(way, settled, chosen) for way in node.ways.values()]
    return [step for each in ahead for step in each] if all(ahead) else [node]


def frontier_back(node: Node, settled: Container[str]) -> list[Step]:
    """The steps below `node` that come next on the way back: in reverse of the written order. Of
    the ways of a choice, all but the one that was taken are settled."""
    match node:
        case InOrder(nodes=nodes):
            for child in reversed(nodes):
                if found := frontier_back(child, settled):
                    return found
            return []
        case Parallel(branches=branches):
            return [step for branch in branches for step in frontier_back(branch, settled)]
        case Choice():
            return [step for way in node.ways.values() for step in frontier_back(way, settled)]
        case _:
            return [] if node.name in settled else [node]


def steps_after_pivot(saga_type: str, body: InOrder, pivot: Pivot) -> list[Step]:
    """Raises `DefinitionError` for a pivot in parallel with others, or before another one."""
    after = steps_after(body, pivot)
    if after is None:
        raise DefinitionError(
            f"Saga {saga_type!r}: the pivot {pivot.name!r} is inside a Parallel, so the steps "
            "after it have no single order. Move it to the top level."
        )
    if others := [step.name for step in after if isinstance(step, Pivot)]:
        names = ", ".join([pivot.name, *others])
        raise DefinitionError(
            f"Saga {saga_type!r}: {names} are all pivots. Keep the first step that can't be "
            f"undone as the pivot; the steps after it go forward anyway."
        )
    return after


def require_retriable(saga_type: str, step: Step) -> None:
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
    if getattr(step, "enough", None) is not None:
        raise DefinitionError(
            f"{where} way back, so no item can be withdrawn. Move it before the pivot, or leave "
            "enough out."
        )
    if isinstance(step, Repeat) and step.on_most == "fail":
        raise DefinitionError(
            f'{where} way back, but fails after {step.most} rounds. Use on_most="continue".'
        )
    if not isinstance(step, WaitFor | Poll) or step.timeout is None:
        return
    if step.on_timeout == "fail":
        what = "signal" if isinstance(step, WaitFor) else "answer"
        raise DefinitionError(
            f'{where} way back, but fails without its {what}. Use on_timeout="continue", or no '
            f"timeout."
        )
