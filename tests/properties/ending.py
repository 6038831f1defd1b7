"""Once faults end: workers succeed, children finish, signals come, and a person helps (L1, L2)."""

from typing import Final

from sagas.machine import (
    TERMINAL,
    ExecutionStatus,
    ForEach,
    ParentCommand,
    ParentCommanded,
    Resolve,
    Resume,
    Signal,
    Skip,
    TryAgain,
    Unblocked,
)
from tests.machine.conversation import ACTION, BY_ANNA
from tests.properties.children import AT_AN_END
from tests.properties.world import World

MOST_ROUNDS: Final = 60
"""More than eight steps take in either direction, each with its children and a person's help."""


def come_to_an_end(world: World) -> None:
    """Raises AssertionError unless the execution, and each of its children, comes to an end."""
    world.refusing.clear()
    if world.ledger.paused and world.state.status not in TERMINAL:
        world.tell(Resume(**BY_ANNA))
    if world.ledger.blocked and world.state.status not in TERMINAL:
        world.tell(Unblocked())
    helped: set[str] = set()
    for _ in range(MOST_ROUNDS):
        if world.state.status in TERMINAL and all(
            child.at in AT_AN_END for child in world.children()
        ):
            return
        _go_on(world, helped)
    statuses = {name: step.status.value for name, step in world.state.steps.items()}
    children = [child.at.name for child in world.children()]
    raise AssertionError(f"no end: {world.state.status} {statuses}, children {children}")


def _go_on(world: World, helped: set[str]) -> None:
    world.pass_time(100)
    for hint in world.due():
        world.claim(hint)
    for claim in world.believed():
        world.report(claim, "nothing")
    for child in world.children():
        child.be_helped()
        child.act(well=True)
    for name in world.families_with_news():
        world.take_news(name)
    for name, story in world.ledger.steps.items():
        if story.waits and not story.until and not world.ledger.is_family(name):
            world.tell(Signal(name, "at last", "the bank"))
        step = world.saga.by_name[name]
        if story.waits is ACTION and isinstance(step, ForEach) and step.grows_by:
            world.tell(Signal(step.closes_by, None, "the bank"))
    if world.state.status is ExecutionStatus.FAILED:
        _help(world, helped)
    if world.state.status is ExecutionStatus.COMPENSATING and world.ledger.held:
        world.tell(ParentCommanded(ParentCommand.UNDO))


def _help(world: World, helped: set[str]) -> None:
    """A person tries again what gave up; what gives up again they put right by hand."""
    has_turned = world.ledger.has_turned
    for name, story in world.ledger.steps.items():
        if not (story.is_stuck if has_turned else story.has_failed):
            continue
        if name not in helped:
            world.tell(TryAgain(step=name, **BY_ANNA))
        elif has_turned:
            world.tell(Resolve(step=name, **BY_ANNA))
        else:
            world.tell(Skip(step=name, **BY_ANNA))
        helped.add(name)
