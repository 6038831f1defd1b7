"""A broker that loses, doubles, delays and reorders what it carries, and is emptied or away."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from sagas.listeners import Committed
from sagas.machine import Direction
from tests.simulation.clock import START
from tests.simulation.faults import Faults
from tests.simulation.stage import Killed, Stage

LONGEST_DELAY: Final = 15.0
"""Seconds. Longer than the leases of these definitions."""

LONGEST_ABSENCE: Final = 30.0
"""Seconds."""

CHANCE_OF_MEANWHILE: Final = 0.05
"""Of others acting between a commit and its announcement."""


@dataclass(frozen=True)
class Message:
    execution_id: int
    step: str
    direction: Direction
    fence: int
    not_before: datetime = START
    is_forged: bool = False

    @property
    def key(self) -> tuple[int, str, Direction, int]:
        """What it hints at: two messages with one key ask for the same attempt."""
        return self.execution_id, self.step, self.direction, self.fence


class Broker:
    def __init__(self, stage: Stage, faults: Faults) -> None:
        self.queue: list[Message] = []
        self.missing: dict[tuple[int, str, Direction, int], str] = {}
        """The hints that never arrived, with the race that each belongs to."""
        self.saga_ids: dict[int, str] = {}
        self._stage = stage
        self._faults = faults
        self._away_until = START

    def hear(self, told: Sequence[Committed]) -> None:
        """The listener that production code tells of each commit (S9)."""
        stage = self._stage
        for committed in told:
            saga_id = self.saga_ids[committed.execution_id] = committed.saga_id
            stage.actor.announced.add(committed.execution_id)
            hints = ", ".join(f"{h.step} {h.direction} {h.fence}" for h in committed.hints)
            stage.note(f"event {committed.last_seq} is committed; due: {hints}", saga_id)
            stage.require(not connection.in_atomic_block, "S9: hints before the commit", saga_id)
        # Not once faults have ended: if nobody else has anything to do, it is a pause of minutes.
        if self._faults.active and stage.rng.random() < CHANCE_OF_MEANWHILE:
            stage.meanwhile()
        messages = [
            Message(committed.execution_id, hint.step, hint.direction, hint.fence)
            for committed in told
            for hint in committed.hints
        ]
        while messages:
            if self._faults.strikes("killed before a publish"):
                for message in messages:
                    self._miss(message, "R3")
                raise Killed("before it could publish")
            self._publish(messages.pop(0))
            if self._faults.strikes("killed after a publish"):
                for message in messages:
                    self._miss(message, "R3")
                raise Killed("after it had published")

    def take(self) -> Message | None:
        """A message that is there by now, often not the oldest."""
        now, rng = self._stage.clock.now, self._stage.rng
        there = [index for index, message in enumerate(self.queue) if message.not_before <= now]
        if not there:
            return None
        return self.queue.pop(there[0] if rng.random() < 0.5 else rng.choice(there))

    def next_arrival(self) -> datetime | None:
        """When the next message will be there."""
        return min((message.not_before for message in self.queue), default=None)

    def put(self, message: Message) -> None:
        self.queue.append(message)

    def purge(self) -> bool:
        """Empties the queue, as a restart without a disk does. Whether anything was there."""
        messages, self.queue = self.queue, []
        for message in messages:
            self._miss(message, "R2")
        if messages:
            self._stage.note(f"the queue is purged of {len(messages)}")
        return bool(messages)

    def go_away(self) -> bool:
        """Takes nothing for a while. Whether it was there."""
        if self._stage.clock.now < self._away_until:
            return False
        away = timedelta(seconds=self._stage.rng.uniform(0, LONGEST_ABSENCE))
        self._away_until = self._stage.clock.now + away
        self._stage.note(f"the broker takes nothing for {away.total_seconds():.1f} s")
        return True

    def come_back(self) -> None:
        self._away_until = START

    def _publish(self, message: Message) -> None:
        clock, rng = self._stage.clock, self._stage.rng
        if clock.now < self._away_until or self._faults.strikes("message lost"):
            self._miss(message, "R2")
            return
        if self._faults.strikes("message delayed"):
            delay = timedelta(seconds=rng.uniform(0, LONGEST_DELAY))
            message = replace(message, not_before=clock.now + delay)
        self.queue.append(message)
        if self._faults.strikes("message doubled"):
            delay = timedelta(seconds=rng.choice([0.0, rng.uniform(0, LONGEST_DELAY)]))
            self.queue.append(replace(message, not_before=clock.now + delay))

    def _miss(self, message: Message, race: str) -> None:
        """Nobody will ever get it, unless another one with its key is on the way."""
        if not message.is_forged and all(other.key != message.key for other in self.queue):
            self.missing[message.key] = race
            saga_id = self.saga_ids[message.execution_id]
            self._stage.note(f"the hint for {message.step} {message.fence} is lost", saga_id)
