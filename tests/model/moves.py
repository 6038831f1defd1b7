"""What may happen next. To add a move: write what it does, and name it in one of the two tables.

Those of steps that wait are in `wait_moves`, those of children in `family_moves`.
"""

from typing import Final

from tests.model import family_moves, wait_moves
from tests.model.calls import Call
from tests.model.facts import CANCEL, LATER, PAUSE, REJECTED, RESUME, SUCCESS, UNKNOWN, UNREACHABLE
from tests.model.move import Move, Ways
from tests.model.rows import Rows
from tests.model.world import World


def _told_of(rows: Rows, world: World) -> Ways:
    return ((call,) for call in world.row.due if world.queue & call.bit)


def _attended(rows: Rows, world: World) -> Ways:
    return ((call,) for call in world.row.in_flight if not world.orphans & call.bit)


def _orphaned(rows: Rows, world: World) -> Ways:
    return ((call,) for call in world.row.in_flight if world.orphans & call.bit)


def _orphaned_and_woken(rows: Rows, world: World) -> Ways:
    """Nobody wakes what is paused: its leases are looked at when it goes on."""
    if not world.row.state.paused:
        yield from _orphaned(rows, world)


def _orphaned_together(rows: Rows, world: World) -> Ways:
    """The wake loop, too, may be away for longer."""
    calls = tuple(call for (call,) in _orphaned_and_woken(rows, world))
    if len(calls) > 1:
        yield calls


def _backing_off(rows: Rows, world: World) -> Ways:
    if not world.row.state.paused:
        yield from ((call,) for call in world.row.backing_off)


def _not_told_of(rows: Rows, world: World) -> Ways:
    """While all hints are there, being woken is an echo."""
    if world.queue != world.row.due_bits:
        yield ()


def _stray(rows: Rows, world: World) -> Ways:
    return ((call,) for call in rows.calls.values() if world.strays & call.bit)


def _unanswered(rows: Rows, world: World) -> Ways:
    return ((call,) for (call,) in _attended(rows, world) if not world.has_answered(call))


def _whenever(rows: Rows, world: World) -> Ways:
    yield ()


def _paused(rows: Rows, world: World) -> Ways:
    if world.row.state.paused:
        yield ()


def claim(rows: Rows, world: World, call: Call) -> World:
    return world.takes(rows.claimed(world.row, call))


def finish(rows: Rows, world: World, call: Call) -> World:
    landed = world.lands(call)
    result = SUCCESS if landed.accepted & call.bit else REJECTED
    return landed.takes(rows.reported(world.row, call, result))


def wake(rows: Rows, world: World, *calls: Call) -> World:
    return world.takes(rows.woken(world.row, *calls))


def land(rows: Rows, world: World, call: Call) -> World:
    return world.lands(call)


def lose_hint(rows: Rows, world: World, call: Call) -> World:
    return world.loses_the_hint_for(call)


def crash_before_call(rows: Rows, world: World, call: Call) -> World:
    return world.loses_the_worker_of(call)


def crash_before_landing(rows: Rows, world: World, call: Call) -> World:
    return world.sends(call).loses_the_worker_of(call)


def crash_after_call(rows: Rows, world: World, call: Call) -> World:
    return world.lands(call).loses_the_worker_of(call)


def overrun_before_landing(rows: Rows, world: World, call: Call) -> World:
    return world.sends(call).takes(rows.woken(world.row, call))


def overrun_after_call(rows: Rows, world: World, call: Call) -> World:
    return world.lands(call).takes(rows.woken(world.row, call))


def time_out_before_landing(rows: Rows, world: World, call: Call) -> World:
    return world.sends(call).takes(rows.reported(world.row, call, UNKNOWN))


def lose_answer(rows: Rows, world: World, call: Call) -> World:
    return world.lands(call).takes(rows.reported(world.row, call, UNKNOWN))


def refuse(rows: Rows, world: World, call: Call) -> World:
    return world.refuses(call).takes(rows.reported(world.row, call, REJECTED))


def turn_away(rows: Rows, world: World, call: Call) -> World:
    """By whatever stands before the participant, which never hears of it: an earlier attempt may
    still land. This is why a refusal does not outweigh a possible effect (S4)."""
    return world.takes(rows.reported(world.row, call, REJECTED))


def refuse_stray(rows: Rows, world: World, call: Call) -> World:
    return world.refuses(call)


def be_unreachable(rows: Rows, world: World, call: Call) -> World:
    return world.takes(rows.reported(world.row, call, UNREACHABLE))


def hold_back(rows: Rows, world: World, call: Call) -> World:
    return world.takes(rows.reported(world.row, call, LATER))


def notice_loss(rows: Rows, world: World, call: Call) -> World:
    return world.takes(rows.lost(world.row, call))


def cancel(rows: Rows, world: World) -> World:
    return world.takes(rows.told(world.row, CANCEL))


def pause(rows: Rows, world: World) -> World:
    return world.takes(rows.told(world.row, PAUSE))


def resume(rows: Rows, world: World) -> World:
    return world.takes(rows.told(world.row, RESUME))


CHANCES: Final = (
    Move("the stray request for {call} lands", _stray, land),
    Move("nobody is at {call} any more, and that is noticed", _orphaned, notice_loss),
    *wait_moves.CHANCES,
    *family_moves.CHANCES,
)
"""What may happen or not, and nobody may wait for."""

WORK: Final = (
    Move("a worker gets the hint for {call} and claims it", _told_of, claim),
    Move("the worker calls {call} and reports the answer", _attended, finish),
    Move("nobody is at {call} any more, and its lease ends", _orphaned_and_woken, wake),
    Move("nobody is at {call} any more, and both leases end", _orphaned_together, wake),
    Move("the backoff of {call} is over", _backing_off, wake),
    Move("the wake loop sends the hints again", _not_told_of, wake),
    Move("the operator lets the saga go on", _paused, resume),
    *wait_moves.WORK,
    *family_moves.WORK,
)
"""What goes on without faults, and must lead to an end."""

FAULTS: Final = (
    Move("FAULT: the hint for {call} is lost", _told_of, lose_hint),
    Move("FAULT: the worker dies before it calls {call}", _attended, crash_before_call),
    Move("FAULT: the worker dies while it calls {call}", _attended, crash_before_landing),
    Move("FAULT: {call} happens; its worker dies before it reports", _attended, crash_after_call),
    Move("FAULT: the lease ends while {call} is under way", _attended, overrun_before_landing),
    Move("FAULT: {call} happens; its lease ends before the report", _attended, overrun_after_call),
    Move("FAULT: {call} is timed out, and still under way", _attended, time_out_before_landing),
    Move("FAULT: {call} happens; the answer is lost", _attended, lose_answer),
    Move("FAULT: the participant refuses {call}", _unanswered, refuse),
    Move("FAULT: {call} is turned away before its participant", _attended, turn_away),
    Move("FAULT: the participant refuses the stray request for {call}", _stray, refuse_stray),
    Move("FAULT: nobody can be reached for {call}", _attended, be_unreachable),
    Move("FAULT: no instance is there for {call}", _attended, hold_back),
    Move("FAULT: an operator cancels the saga", _whenever, cancel),
    Move("FAULT: an operator pauses the saga", _whenever, pause),
    *wait_moves.FAULTS,
    *family_moves.FAULTS,
)
"""What a run has a budget of. Repeated hints and late reports are free: see `echoes`."""
