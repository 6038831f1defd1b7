"""What may happen to steps that wait and run nothing and to polls whose time is over; and what a
person may do to a step."""

from itertools import combinations
from typing import Final

from sagas.machine import ExecutionStatus, Poll, StepStatus, WaitFor
from sagas.machine.states import GOING_FORWARD
from tests.model import facts
from tests.model.calls import Call
from tests.model.echoes import takes_signals
from tests.model.move import Move, Ways
from tests.model.rows import Rows
from tests.model.world import World


def _whose_time_comes(rows: Rows, world: World) -> Ways:
    """One alone, or several together: the wake loop may be away for longer."""
    if not world.row.state.paused:
        for size in range(1, len(world.row.timed) + 1):
            yield from combinations(world.row.timed, size)


def _signal_is_due(rows: Rows, world: World) -> Ways:
    """Whoever is waited for tells at last."""
    return ((wait,) for wait in _signals(rows, world) if _is_waiting(world, wait))


def _signal_is_early(rows: Rows, world: World) -> Ways:
    return ((wait,) for wait in _signals(rows, world) if not _is_waiting(world, wait))


def _signals(rows: Rows, world: World) -> list[WaitFor]:
    row = world.row
    return [
        wait
        for wait in rows.shape.waits
        if takes_signals(rows.shape, row, wait)
        and len(row.past.keys_of(wait.name)) < facts.most_signals(wait)
    ]


def _is_waiting(world: World, wait: WaitFor) -> bool:
    return world.row.state.step(wait.name).status is StepStatus.WAITING


def _with_reminders(rows: Rows, world: World) -> Ways:
    state = world.row.state
    if not state.paused and state.status in GOING_FORWARD:
        yield from ((name,) for name, step in state.steps.items() if step.remind_at is not None)


def _asked_for_long(rows: Rows, world: World) -> Ways:
    if not world.row.state.paused:
        for call in world.row.backing_off:
            step = rows.shape.step(call.step)
            if isinstance(step, Poll) and step.timeout is not None:
                yield (call,)


def _skippable(rows: Rows, world: World) -> Ways:
    return ((name,) for name in sorted(rows.shape.by_hand))


def _waiting(rows: Rows, world: World) -> Ways:
    steps = world.row.state.steps.items()
    return (
        (name,)
        for name, step in steps
        if step.status is StepStatus.WAITING and name in rows.shape.by_hand
    )


def _given_up(rows: Rows, world: World) -> Ways:
    has_failed = world.row.state.status is ExecutionStatus.FAILED
    if has_failed and rows.shape.has_construct:
        yield ()


def time_out(rows: Rows, world: World, *names: str) -> World:
    return world.takes(rows.timed_out(world.row, *names))


def signal(rows: Rows, world: World, wait: WaitFor) -> World:
    return world.takes(rows.signalled(world.row, wait))


def remind(rows: Rows, world: World, name: str) -> World:
    return world.takes(rows.reminded(world.row, name, has_started=True))


def remind_in_vain(rows: Rows, world: World, name: str) -> World:
    return world.takes(rows.reminded(world.row, name, has_started=False))


def run_out_of_patience(rows: Rows, world: World, call: Call) -> World:
    poll = rows.shape.step(call.step)
    assert isinstance(poll, Poll)
    return world.takes(rows.patience_over(world.row, poll))


def skip(rows: Rows, world: World, name: str) -> World:
    return world.takes(rows.told(world.row, facts.skip(name), name))


def hurry(rows: Rows, world: World, name: str) -> World:
    return world.takes(rows.told(world.row, facts.hurry(name), name))


def move_to_the_past(rows: Rows, world: World, name: str) -> World:
    return world.takes(rows.told(world.row, facts.move_to_the_past(name), name))


def try_again(rows: Rows, world: World) -> World:
    return world.takes(rows.told(world.row, facts.TRY_AGAIN))


CHANCES: Final = (
    Move("a signal comes before {call}", _signal_is_early, signal),
    Move("{call} has been asked for as long as it may be", _asked_for_long, run_out_of_patience),
)

WORK: Final = (
    Move("the time of {call} comes", _whose_time_comes, time_out),
    Move("a signal comes for {call}", _signal_is_due, signal),
    Move("a reminder is started while {call} waits", _with_reminders, remind),
)

FAULTS: Final = (
    Move("FAULT: a reminder of {call} can't be started", _with_reminders, remind_in_vain),
    Move("FAULT: a person skips {call}", _skippable, skip),
    Move("FAULT: a person hurries {call}", _waiting, hurry),
    Move("FAULT: a person moves the end of {call} to the past", _waiting, move_to_the_past),
    Move("FAULT: a person tries again what gave up", _given_up, try_again),
)
