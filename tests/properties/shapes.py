"""Random definitions and beginnings, and the order of their steps computed without the machine."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st

from sagas.machine import (
    Between,
    Choice,
    FirstOf,
    ForEach,
    Parallel,
    Pivot,
    Poll,
    Present,
    Rejected,
    Remind,
    Repeat,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    WaitFor,
)
from sagas.machine import events as ev
from sagas.machine.family_steps import Step
from sagas.machine.traversal import steps_of
from sagas.machine.tree import InOrder, Node
from sagas.testing.conversation import START
from tests.machine.conversation import nothing

CONTEXT: Final[dict[str, Any]] = {
    "route": "x",
    "nap": 15,
    "deep": {"er": {"x": None}},
    "no_list": 1,
    "none": [],
    "one": ["a"],
    "three": ["a", "b", "c"],
}
"""What every execution begins with; its other keys are what `ForEach` is given to work over."""

_ASKED: Final = ("route", "no_list", "shared", "deep.er.x", "own")

SHARED: Final = "shared"
"""The key that any step may write, and that no two parallel branches may (S10)."""

_KINDS = st.sampled_from(
    ["step"] * 6 + ["wait", "sleep", "poll", "poll", "sub", "rounds", "each", "each"]
)
_YES_OR_NO = st.booleans()
_ONE_IN_FOUR = st.sampled_from([False, False, False, True])
_ATTEMPTS = st.sampled_from([2, 1, 3])
_BACKOFF = st.sampled_from([1, 0, 10])
_ELAPSED = st.sampled_from([None, None, None, 5])
_MEMBERS = st.sampled_from(
    [
        lambda name: WaitFor(name, timeout=20, on_timeout="continue"),
        lambda name: WaitFor(name),
        lambda name: WaitFor(name, remind=Remind("letter", every=60, most=1)),
        lambda name: WaitFor(name, collect=True, until={"is.last": True}, most=2),
        lambda name: Sleep(name, 10),
        lambda name: Sleep(name, seconds="nap"),
    ]
)
_MANY: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {"collect": True, "until": {"is.last": True}, "most": 3}]
)
_REMIND: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"remind": Remind("letter", every=60, most=2)}]
)
_WHEN = st.sampled_from([None] * 8 + ["route", "deep.er.x", "shared"])
_TOLERANCES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {"on_failure": "continue"}, {"enough": 1}, {"enough": 2}]
)
_LIMITS = st.sampled_from([None, None, 1, 2])
_LISTS = st.sampled_from(["three", "three", "three", "one", "none", "no_list"])
_GROWING_LISTS = st.sampled_from(["three", "absent", "one", "three"])
_TIMEOUTS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"timeout": 20, "on_timeout": "continue"}, {"timeout": 20}]
)


class Drawn(Saga):
    """A saga that fits on a line of a failing example."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(_written(self.body))


@st.composite
def sagas(draw: st.DrawFn, max_steps: int = 8) -> Saga:
    """A saga of up to `max_steps` steps of all kinds, in nested groups; some have a pivot."""
    count = draw(st.integers(1, max_steps))
    names = [f"s{index}" for index in range(count)]
    pivot = draw(st.integers(0, count - 1)) if draw(st.integers(0, 2)) == 2 else None
    before = names if pivot is None else names[:pivot]
    after = [] if pivot is None else names[pivot + 1 :]
    nodes = _arrange(draw, before, is_after_pivot=False)
    if pivot is not None:
        step = _saga_step(draw, Pivot, names[pivot], is_after_pivot=False)
        nodes.append(_choice(draw, f"c_{step.name}", [[step]]) if draw(_ONE_IN_FOUR) else step)
    return Drawn("random", [*nodes, *_arrange(draw, after, is_after_pivot=True)])


@st.composite
def beginnings(draw: st.DrawFn) -> ev.SagaStarted:
    """A root, a child that may be undone, or one that may not; blocked, delayed, in a hurry."""
    part = draw(st.sampled_from(["root", "root", "root", "held", "held", "forward_only"]))
    delay = draw(st.sampled_from([0, 0, 0, 0, 3, 100])) if part == "root" else 0
    limit = draw(st.sampled_from([None, None, None, 15, 60, 200]))
    locks = draw(st.sampled_from(["none", "none", "none", "held", "waited for"]))
    return ev.SagaStarted(
        "s-1",
        "random",
        1,
        CONTEXT,
        start_at=START + timedelta(seconds=delay) if delay else None,
        deadline=START + timedelta(seconds=delay + limit) if limit else None,
        locks=locks != "none",
        blocked=locks == "waited for",
        held=part == "held",
        forward_only=part == "forward_only",
    )


def _arrange(
    draw: st.DrawFn, names: list[str], *, is_after_pivot: bool, depth: int = 2
) -> list[Any]:
    """`names` as a list of steps and groups."""
    nodes: list[Any] = []
    while names:
        size = draw(st.integers(1, len(names)))
        chunk, names = names[:size], names[size:]
        if size < 2 or depth == 0:
            nodes += [_leaf(draw, name, is_after_pivot=is_after_pivot) for name in chunk]
            continue
        split = draw(st.integers(1, size - 1))
        branches = [
            _arrange(draw, part, is_after_pivot=is_after_pivot, depth=depth - 1)
            for part in (chunk[:split], chunk[split:])
        ]
        if size < 4 and draw(_ONE_IN_FOUR):
            members = [draw(_MEMBERS)(name) for name in chunk]
            nodes.append(FirstOf(f"f_{chunk[0]}", *members))
        elif draw(_YES_OR_NO):
            nodes.append(_choice(draw, f"c{depth}_{chunk[0]}", branches))
        else:
            nodes.append(Parallel(*branches))
    return nodes


def _choice(draw: st.DrawFn, name: str, ways: list[list[Any]]) -> Choice:
    """By what is known at the start, or by what other steps write while it runs."""
    first, *others = ways
    case = draw(st.sampled_from(["x", "y", Present(), Between(1, 5), None]))
    otherwise = {"otherwise": others[0]} if others else {}
    return Choice(name, draw(st.sampled_from(_ASKED)), {case: first}, **otherwise)


def _leaf(draw: st.DrawFn, name: str, *, is_after_pivot: bool) -> Step:
    match draw(_KINDS):
        case "wait":
            options = draw(_TIMEOUTS)
            if is_after_pivot and options and "on_timeout" not in options:
                options = {}
            return WaitFor(name, **options, **draw(_MANY), **draw(_REMIND))
        case "sleep":
            return Sleep(name, 10)
        case "poll":
            limits = draw(_TIMEOUTS)
            if is_after_pivot and limits and "on_timeout" not in limits:
                limits = {}
            retry = draw(st.sampled_from([None, Retry(2, backoff=1), Retry(1)]))
            if is_after_pivot and retry == Retry(1):
                retry = None
            every, factor = draw(st.sampled_from([(5, 1.0), (3, 2.0)]))
            return Poll(name, nothing, every=every, factor=factor, retry=retry, **limits)
        case "sub":
            on_failure: Any = draw(st.sampled_from(["fail", "continue"]))
            output = [SHARED] if draw(_ONE_IN_FOUR) else []
            return SubSaga(name, "part", output=output, on_failure=on_failure)
        case "rounds":
            return _rounds(draw, name, is_after_pivot=is_after_pivot)
        case "each":
            return _for_each(draw, name, is_after_pivot=is_after_pivot)
        case _:
            return _saga_step(draw, SagaStep, name, is_after_pivot=is_after_pivot)


def _for_each(draw: st.DrawFn, name: str, *, is_after_pivot: bool) -> ForEach:
    undone = {} if is_after_pivot else {"compensation": nothing}
    what = {"saga": "part"} if draw(_ONE_IN_FOUR) else {"action": nothing, **undone}
    tolerance = draw(_TOLERANCES)
    if is_after_pivot and "enough" in tolerance:
        tolerance = {}
    growth: dict[str, Any] = {"over": draw(_LISTS)}
    if "enough" not in tolerance and draw(_YES_OR_NO):
        growth = {"grows_by": f"{name}_more", "closes_by": f"{name}_end"}
        growth["over"] = draw(_GROWING_LISTS)
    return ForEach(name, max_concurrency=draw(_LIMITS), **what, **tolerance, **growth)


def _rounds(draw: st.DrawFn, name: str, *, is_after_pivot: bool) -> Repeat:
    on_most: Any = "continue" if is_after_pivot else draw(st.sampled_from(["fail", "continue"]))
    until: Any = draw(st.sampled_from([SHARED, "route", "deep.er.x", {"own": Present()}]))
    step = SagaStep("r", nothing, None if is_after_pivot else nothing)
    steps = [WaitFor(f"{name}_go"), step] if draw(_YES_OR_NO) else [step]
    return Repeat(name, steps, until=until, most=draw(_ATTEMPTS), on_most=on_most)


def _saga_step(
    draw: st.DrawFn, kind: type[SagaStep], name: str, *, is_after_pivot: bool
) -> SagaStep:
    attempts = draw(_ATTEMPTS)
    return kind(
        name,
        nothing,
        None if is_after_pivot or draw(_ONE_IN_FOUR) else nothing,
        retry=Retry(
            max_attempts=max(attempts, 2) if is_after_pivot else attempts,
            backoff=draw(_BACKOFF),
            max_elapsed=draw(_ELAPSED),
        ),
        compensation_retry=Retry(max_attempts=draw(_ATTEMPTS), backoff=1),
        timeout=10,
        atomic=draw(_ONE_IN_FOUR),
        when=draw(_WHEN),
        accept=draw(st.sampled_from([(), (Rejected,)])),
    )


def _written(node: Node) -> str:
    match node:
        case Parallel(branches=children):
            return " | ".join(_written(child) for child in children)
        case InOrder(nodes=children):
            return f"[{', '.join(_written(child) for child in children)}]"
        case FirstOf(name=name, ways=ways):
            return f"FirstOf({name}, {', '.join(map(_written, ways.values()))})"
        case Choice(name=name, on=on, ways=ways):
            written = (f"{label}: {_written(way)}" for label, way in ways.items())
            return f"Choice({name} on {on}, {', '.join(written)})"
        case Poll(name=name, timeout=timeout, on_timeout=on_timeout, retry=retry):
            tries = f", {retry.max_attempts}x" if retry else ""
            return f"Poll({name} each {node.every} s, for {timeout} s or {on_timeout}{tries})"
        case SagaStep(retry=retry, compensation_retry=patience):
            assert retry is not None
            undone = f"undone {patience.max_attempts}x" if node.compensation else "never undone"
            within = f" within {retry.max_elapsed} s" if retry.max_elapsed else ""
            tries = f"{retry.max_attempts}x{within}, backoff {retry.backoff}"
            kind = "Pivot" if isinstance(node, Pivot) else "Step"
            more = ", accepts refusals" if node.accept else ""
            more += f"{', atomic' if node.atomic else ''}{f', if {node.when}' if node.when else ''}"
            return f"{kind}({node.name} {tries}, {undone}{more})"
        case ForEach(name=name, over=over, max_concurrency=limit, enough=enough):
            needed = f", {enough} are enough" if enough else f", or {node.on_failure}"
            needed += ", grows" if node.grows_by else ""
            return f"ForEach({name} over {over}, at most {limit}{needed})"
        case Repeat(name=name, said=said, most=most, on_most=on_most):
            waits = ", with a wait" if len(node.steps) > 1 else ""
            return f"Repeat({name} until {said}, {most} times or {on_most}{waits})"
        case WaitFor(name=name, timeout=timeout, on_timeout=on_timeout):
            collected = f", {node.most} or the last" if node.collect else ""
            within = f", {timeout} s or {on_timeout}" if timeout else ""
            reminds = f", reminds {node.remind.most} times" if node.remind else ""
            return f"WaitFor({name}{within}{collected}{reminds})"
        case SubSaga(name=name, output=output):
            return f"SubSaga({name} gives {output}, or {node.on_failure})"
        case Sleep(name=name):
            return f"Sleep({name})"


LAST: Final = {"is": {"last": True}}
"""A signal that ends a wait for many, whatever came before."""


def has_all_signals(wait: WaitFor, came: Sequence[object]) -> bool:
    """Whether a wait has what it takes, by what is written in `_leaf`."""
    return bool(came) and (not wait.collect or len(came) == wait.most or LAST in came)


def precedence(node: Node) -> Iterator[tuple[str, str]]:
    """Every pair (earlier step, later step) that the written order of `node` implies."""
    match node:
        case Parallel(branches=children):
            pass
        case InOrder(nodes=children):
            for index, child in enumerate(children):
                for later in children[index + 1 :]:
                    for first in steps_of(child):
                        for second in steps_of(later):
                            yield first.name, second.name
        case Choice(ways=ways):
            children = tuple(ways.values())
        case _:
            return
    for child in children:
        yield from precedence(child)
