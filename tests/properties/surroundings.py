"""What may happen next around an execution: time, locks, its parent and its children."""

from hypothesis import note

from sagas.machine import (
    ChildrenReported,
    Deadlocked,
    ExecutionStatus,
    FailureKind,
    ParentCommand,
    ParentCommanded,
    Unblocked,
)
from tests.machine.conversation import failure
from tests.properties.choose import MOSTLY, Choose, tell
from tests.properties.world import World


def pass_time(world: World, choose: Choose) -> None:
    seconds, looks = choose((1, 0, 5, 20, 100)), choose(MOSTLY)
    note(f"{seconds} s, and {'somebody' if looks else 'nobody'} looks")
    world.pass_time(seconds, looks=looks)


def look_at_locks(world: World, choose: Choose) -> None:
    is_waiting = world.state.status in (ExecutionStatus.PENDING, ExecutionStatus.RUNNING)
    is_deadlocked = is_waiting and not choose(MOSTLY)
    tell(world, Deadlocked(failure(FailureKind.REJECTED)) if is_deadlocked else Unblocked())


def be_ordered(world: World, choose: Choose) -> None:
    tell(world, ParentCommanded(choose((*ParentCommand, ParentCommand.RESUME))))


def be_released(world: World, choose: Choose) -> None:
    tell(world, ParentCommanded(ParentCommand.UNDO))


def children_act(world: World, choose: Choose) -> None:
    well, first, every = choose(MOSTLY), choose(range(4)), choose((1, 2, 3))
    for child in world.children()[first::every] or world.children()[:1]:
        child.act(well=well)
    note(f"children act, {well=}: {_whereabouts(world)}")


def help_a_child(world: World, choose: Choose) -> None:
    child = choose(world.children_in_need())
    child.be_helped()
    note(f"a person helps a child: {_whereabouts(world)}")


def hear_of_children(world: World, choose: Choose) -> None:
    name, storable = choose(world.families_with_news()), choose(MOSTLY)
    verdict = world.take_news(name, storable=storable).verdict
    note(f"news from the children of {name}, {storable=}: {verdict}")
    world.tell(ChildrenReported())


def _whereabouts(world: World) -> str:
    return ", ".join(
        f"{name}: {' '.join(child.at.name for child in story.children)}"
        for name, story in world.ledger.steps.items()
        if story.children
    )
