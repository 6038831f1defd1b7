"""What people and programs may do next to an execution."""

from datetime import timedelta
from typing import Any

from sagas.machine import (
    Amend,
    Cancel,
    ExecutionStatus,
    Fact,
    FailureKind,
    ForEach,
    Pause,
    Repeat,
    Reschedule,
    Resolve,
    Resume,
    Signal,
    Skip,
    TryAgain,
)
from sagas.whatif import way_back
from tests.machine.conversation import BY_ANNA
from tests.properties.choose import MOSTLY, Choose, report_on, tell
from tests.properties.shapes import LAST, SHARED
from tests.properties.world import World


def signal(world: World, choose: Choose) -> None:
    names = world.waits() if choose(MOSTLY) else [*world.saga.by_name, "nobody"]
    number = world.ledger.count % 4
    payload = choose((number, number, number, LAST))
    key = choose(("", "", "evt-1", "evt-2"))
    name = choose(names)
    step = world.saga.signals.get(name)
    taken = None
    if isinstance(step, Repeat) and world.ledger.steps[step.name].children:
        taken = world.ledger.count % 2 > 0  # as the round at work said
    tell(world, Signal(name, payload, "the bank", key, taken=taken))


def close(world: World, choose: Choose) -> None:
    """No more items come to a list, all of whose items are done."""
    step = world.saga.by_name[choose(world.lists_at_their_end())]
    assert isinstance(step, ForEach)
    tell(world, Signal(step.closes_by, None, "the bank"))


def pause_or_resume(world: World, choose: Choose) -> None:
    facts: tuple[Fact, ...] = (Resume(**BY_ANNA), Pause(**BY_ANNA))
    tell(world, choose(facts))


def resume(world: World, choose: Choose) -> None:
    tell(world, Resume(**BY_ANNA))


def hurry(world: World, choose: Choose) -> None:
    """A person does not wait for the end of a backoff."""
    tell(world, TryAgain(step=choose(delayed(world)), **BY_ANNA))


def reschedule(world: World, choose: Choose) -> None:
    stories = world.ledger.steps.items()
    names = [name for name, story in stories if story.due or story.waits]
    moment = world.now + timedelta(seconds=choose((0, 5, 500)))
    tell(world, Reschedule(step=choose([*names, *world.saga.by_name]), moment=moment, **BY_ANNA))


def delayed(world: World) -> list[str]:
    stories = world.ledger.steps.items()
    return [name for name, story in stories if story.due and story.due[1] > world.now]


def mend_while_paused(world: World, choose: Choose) -> None:
    """A person stops it before a failure can turn it back, and has the step tried again."""
    claim = choose(world.believed())
    tell(world, Pause(**BY_ANNA))
    report_on(world, claim, (FailureKind.UNKNOWN, True, None))
    tell(world, TryAgain(step=claim.step, **BY_ANNA))
    if not choose(MOSTLY):
        tell(world, Cancel(**BY_ANNA))
    tell(world, Resume(**BY_ANNA))


def help_out(world: World, choose: Choose) -> None:
    """A person sees to what gave up."""
    name = choose([name for name, story in world.ledger.steps.items() if story.is_troubled])
    facts: tuple[Fact, ...] = (
        TryAgain(step=name, **BY_ANNA),
        TryAgain(**BY_ANNA),
        Skip(step=name, **BY_ANNA),
        Resolve(step=name, **BY_ANNA),
    )
    tell(world, choose(facts))


def cancel(world: World, choose: Choose) -> None:
    tell(world, Cancel(**BY_ANNA))


def act_by_hand(world: World, choose: Choose) -> None:
    stories = world.ledger.steps.items()
    in_question = [name for name, story in stories if story.is_troubled or story.is_in_motion]
    in_question += [pivot.name for pivot in world.saga.pivots] * 2
    name = choose([*in_question, *world.saga.by_name, "nobody"])
    changes: Any = choose(({}, {SHARED: name}, {"three": []}))
    facts: tuple[Fact, ...] = (
        TryAgain(step=name, **BY_ANNA),
        TryAgain(**BY_ANNA),
        Skip(step=name, changes=changes, **BY_ANNA),
        Resolve(step=name, **BY_ANNA),
        Amend(changes=changes, **BY_ANNA),
    )
    tell(world, choose(facts))


def preview(world: World, choose: Choose) -> None:
    """It says whether a cancel is refused (unless it has to be resumed first), and undoes nothing
    before what comes after it."""
    found = way_back(world.saga, world.state, world.now)
    status, ledger = world.state.status, world.ledger
    if status is ExecutionStatus.RUNNING and not ledger.paused:
        is_refused = ledger.held or ledger.started.forward_only or ledger.no_way_back()
        assert bool(found.refused) == is_refused
    stage_of = {name: number for number, stage in enumerate(found.stages) for name in stage}
    for name, number in stage_of.items():
        for later in ledger.after[name]:
            was_helped = ledger.steps[later].was_helped  # it may come after those before it
            assert was_helped or stage_of.get(later, -1) < number
