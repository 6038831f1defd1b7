"""Conversations with a `ForEach` whose list grows."""

from typing import Any

from sagas.machine import (
    ChildCommand,
    ChildrenMoved,
    ForEach,
    Outcome,
    ParentCommand,
    Saga,
    Signal,
    Start,
    StepState,
    Verdict,
)
from sagas.machine.growing import closed_by
from sagas.testing import Conversation
from sagas.whatif.rehearsal import goes_back, goes_forward
from tests.machine.collecting import check
from tests.machine.conversation import step

HALT = ChildCommand("lines", ParentCommand.HALT)
UNDO = ChildCommand("lines", ParentCommand.UNDO)
RESULTS: dict[str, Any] = {"lines": ["…"]}


def lines(**options: Any) -> ForEach:
    signals = {"grows_by": "add_line", "closes_by": "no_more"}
    return ForEach("lines", **{"over": "items", "saga": "line", **signals, **options})


def shop(*items: Any, **options: Any) -> Conversation:
    of = Conversation(Saga("shop", [step("a"), lines(**options), step("z")]), {"items": [*items]})
    of.succeed("a")
    return of


def add(of: Conversation, item: Any, key: str = "") -> tuple[Start, ...]:
    """What is started by one more item."""
    found = of.tell(Signal("add_line", item, "the shop", key, call=f"call {len(of.history)}"))
    assert found.verdict is Verdict.ACCEPTED, found.reason
    check_all(of)
    return found.starts


def close(of: Conversation, key: str = "") -> Verdict:
    """As the engine hands it in: with what the items gave, should all be done."""
    fact = Signal("no_more", None, "the shop", key)
    found = of.tell(fact)
    if closed_by(of.saga, of.state, fact):
        of.tell(ChildrenMoved("lines", {}, RESULTS))
    check_all(of)
    return found.verdict


def hears(of: Conversation, **change: int) -> list[ChildCommand]:
    told = {Outcome(name): number for name, number in change.items()}
    decision = of.tell(ChildrenMoved("lines", told, RESULTS))
    check_all(of)
    return list(decision.child_commands)


def check_all(of: Conversation) -> None:
    check(of)
    read = {name: StepState.from_json(each.to_json()) for name, each in of.state.steps.items()}
    assert read == of.state.steps
    assert goes_forward(of.saga, of.state, of.now) == goes_back(of.saga, of.state, of.now) == ""


def counts(of: Conversation) -> tuple[int, int]:
    children = of.state.step("lines").children
    assert children is not None
    return children.started, children.total
