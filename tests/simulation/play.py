"""One world from its first move to its last check."""

import logging
import traceback
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final
from unittest import mock

from django.db import OperationalError, connection

from sagas import listeners
from sagas.machine import AT_REST, TERMINAL
from sagas.machine.wake import LONGEST_REPEAT
from sagas.registry import registry
from tests.simulation.checks import broken_clauses, stood_still
from tests.simulation.faults import ConnectionLost
from tests.simulation.history import stories
from tests.simulation.ledgers import discrepancies, misnamed
from tests.simulation.moves import Scheduler
from tests.simulation.races import seen_in
from tests.simulation.stage import Violation
from tests.simulation.world import World

MOVES_WITH_FAULTS: Final = (10, 60)
"""For each saga, the fewest and the most: some worlds end amid faults, others long after them."""

AFTER_FAULTS: Final = LONGEST_REPEAT + timedelta(seconds=10)
"""For so long an execution may stand still whose hint was lost before faults ended."""

MOST_MOVES: Final = 100
"""For each saga, once faults have ended: ten times what they take."""

MOST_IN_VAIN: Final = 100
"""Moves in a row: then the simulation itself is at fault."""

UNWATCHED: Final = """
SELECT saga_id FROM sagas_sagaexecution
WHERE wake_at IS NULL AND NOT paused AND NOT status = ANY(%s) ORDER BY id
"""

STANDING_STILL: Final = """
SELECT saga_id FROM sagas_sagaexecution
WHERE NOT status = ANY(%s) AND updated_at < %s ORDER BY id
"""

UNHEARD: Final = """
SELECT saga_id FROM sagas_sagaexecution WHERE parent_id IS NOT NULL
AND (outcome = '' OR outcome <> outcome_taken OR NOT status = ANY(%s)) ORDER BY id
"""


@dataclass
class Outcome:
    """What became of a world."""

    seed: int
    digest: str
    ends: Counter[str]
    """Status → how many sagas ended so."""
    races: Counter[str]
    lines: list[str] = field(repr=False)
    violation: str = ""


def play(seed: int, sagas: int) -> Outcome:
    """Plays the world of `seed` on the present database, whose sagas are deleted first."""
    world = World(seed, sagas)
    ends: Counter[str] = Counter()
    violation = ""
    with _in_charge(world):
        try:
            ends = _play(world)
        except Violation as found:
            violation = _report(world, str(found), found.saga_id)
        except Exception:
            violation = _report(world, f"the engine raised\n{traceback.format_exc()}", "")
    trace = world.stage.trace
    return Outcome(seed, trace.digest, ends, world.stage.races, trace.lines(), violation)


def _play(world: World) -> Counter[str]:
    scheduler = Scheduler(world)
    moves = world.stage.rng.randint(*MOVES_WITH_FAULTS) * len(world.wanted)
    while moves and not world.is_at_rest:
        scheduler.move()
        moves -= 1
    unwatched = _one(UNWATCHED, [sorted(AT_REST)])
    world.stage.require(not unwatched, "L1: nobody will ever look at it", unwatched)
    faults_ended_at = _come_to_rest(world, scheduler)
    world.participants.land_all()
    return _check(world, faults_ended_at)


def _come_to_rest(world: World, scheduler: Scheduler) -> datetime:
    """Ends all faults, and lets everybody go on until nothing is left to do, or something stands
    still, or goes round in cycles, for too long. When faults ended."""
    world.faults.end()
    world.broker.come_back()
    begin = world.stage.clock.now
    world.stage.note("faults have ended")
    next_look = begin + AFTER_FAULTS
    in_vain = moves = 0
    while not world.is_at_rest and moves < MOST_MOVES * len(world.wanted):
        moves += 1
        in_vain = 0 if scheduler.move() else in_vain + 1
        world.stage.require(in_vain < MOST_IN_VAIN, "nobody can do anything, and not all is done")
        if world.stage.clock.now >= next_look:
            next_look += AFTER_FAULTS / 10
            if _one(STANDING_STILL, [sorted(AT_REST), world.stage.clock.now - AFTER_FAULTS]):
                break
    return begin


def _check(world: World, faults_ended_at: datetime) -> Counter[str]:
    stage, books = world.stage, world.participants
    ends: Counter[str] = Counter()
    cancelled = {intent.saga_id for intent in world.operator.done}
    unheard = _one(UNHEARD, [sorted(TERMINAL)])
    stage.require(not unheard, "L4: what a part has come to never reached its saga", unheard)
    told = list(stories(world.codes))
    for story in told:  # safety first: what broke it may be why another one stands still
        calls = books.calls.get(story.saga_id, [])
        broken = broken_clauses(story, calls, was_cancelled=story.saga_id in cancelled)
        stage.require(not broken, "\n".join(broken), story.saga_id)
    for story in told:
        broken = [
            *stood_still(story, faults_ended_at, AFTER_FAULTS),
            *discrepancies(story, books),
            *misnamed(story),
        ]
        stage.require(not broken, "\n".join(broken), story.saga_id)
        stage.races.update(seen_in(story, books, world.operator.refused))
        stage.trace.add("\n".join(story.lines()), story.saga_id)
        ends[story.state.status] += 1
    stage.require(ends.total() == len(world.wanted), "S11: sagas are missing, or too many")
    stage.require(world.is_at_rest, "L2: somebody goes round in cycles")
    return ends


def _one(query: str, values: list[Any]) -> str:
    """A saga_id that `query` finds; empty if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        found = cursor.fetchone()
        return found[0] if found else ""


@contextmanager
def _in_charge(world: World) -> Iterator[None]:
    """Clock, broker, definitions, ids and COMMIT are the world's within the block."""
    known, heard = dict(registry._sagas), list(listeners._listeners)
    log = _EnginesLog()
    logger = logging.getLogger("sagas")
    with ExitStack() as stack:
        stack.enter_context(world.stage.clock.in_every_session())
        stack.enter_context(world.stage.clock.instead_of_sleeping(lambda: world.stage.meanwhile()))
        stack.enter_context(world.stage.clock.as_the_process_own())
        stack.enter_context(world.faults.at_commit())
        stack.enter_context(mock.patch("uuid.uuid4", partial(_random_id, world.stage.rng)))
        stack.enter_context(mock.patch.object(logger, "propagate", False))
        stack.callback(world.loops.close)
        logger.addHandler(log)
        stack.callback(logger.removeHandler, log)
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE sagas_sagaexecution, sagas_sagaevent RESTART IDENTITY CASCADE")
        registry._sagas.clear()
        stack.enter_context(mock.patch.object(world.stage, "enter", world.codes.enter))
        world.codes.enter(world.stage.actor)
        listeners._listeners[:] = [world.codes.hear, world.broker.hear]
        try:
            yield
        finally:
            registry._sagas.clear()
            registry._sagas.update(known)
            listeners._listeners[:] = heard


class _EnginesLog(logging.Handler):
    """What the engine only logs may be a violation, too: it goes on after errors of its own."""

    def emit(self, record: logging.LogRecord) -> None:
        failed = [value for value in record.args or () if isinstance(value, OperationalError)]
        if record.levelno >= logging.ERROR or any(
            not isinstance(error, ConnectionLost) for error in failed
        ):
            why = f"\n{traceback.format_exc()}" if record.exc_info else ""
            raise Violation(f"the engine logged: {record.getMessage()}{why}")


def _random_id(rng: Random) -> uuid.UUID:
    return uuid.UUID(int=rng.getrandbits(128), version=4)


def _report(world: World, message: str, saga_id: str) -> str:
    """A violation, for a person who has to find its cause."""
    lines = [f"VIOLATION in the world of seed {world.seed}, saga {saga_id or 'unknown'}", message]
    if saga_id:
        lines += ["", "Its moves, and those that touch all:"]
        lines += world.stage.trace.lines_of(saga_id)
        connection.close()  # it may be in the middle of a transaction
        for story in stories(world.codes):
            if story.saga_id == saga_id:
                lines += ["", "Its events:", *story.lines(), str(story.state)]
    replay = f"python -m tests.simulation --seed {world.seed} --sagas {len(world.wanted)}"
    return "\n".join([*lines, "", f"Again: {replay} --processes 1 --trace FILE"])
