"""A saga whose middle step is repeated, as a conversation."""

from collections.abc import Mapping
from typing import Any

from sagas import (
    Repeat,
)
from sagas.machine import (
    ChildCommand,
    ChildrenMoved,
    Failure,
    FailureKind,
    Outcome,
    ParentCommand,
    agrees,
    fold,
)
from sagas.testing import Conversation
from tests.machine.conversation import step, talk

GAVE_UP = Failure(FailureKind.REJECTED, "ChildrenGaveUp", "Round 2 gave up: card (Rejected: no).")


def collect(*steps: Any, **options: Any) -> Repeat:
    given: dict[str, Any] = {"until": "paid", "most": 3} | options
    return Repeat("collect", list(steps) or [step("card")], **given)


def repeated(*steps: Any, **options: Any) -> Conversation:
    """A saga `a`, rounds, `z`; at its first round."""
    saga = talk(step("a"), collect(*steps, **options), step("z"))
    saga.succeed("a")
    return saga


def hears(
    saga: Conversation, changes: Mapping[str, Any] | None = None, **change: int
) -> tuple[list[int], list[ChildCommand]]:
    """The numbers of the rounds that follow what came of one, and what rounds are told."""
    told = {Outcome(name): number for name, number in change.items()}
    failure = GAVE_UP if change.get("gave_up", 0) > 0 else None
    decision = saga.tell(ChildrenMoved("collect", told, changes or {}, failure))
    assert agrees(fold(saga.history), saga.state), "S8"
    commands = [each for each in decision.child_commands if each.step == "collect"]
    return [start.first for start in decision.starts], commands


def told(command: str, number: int | None) -> list[ChildCommand]:
    return [ChildCommand("collect", ParentCommand(command), number)]
