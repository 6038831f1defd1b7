"""What the events said of one step."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sagas.machine import Direction, Effect, Outcome
from tests.machine.conversation import ACTION, COMPENSATION
from tests.properties.children import Child


@dataclass(slots=True)
class Story:
    """What has become of one step."""

    effect: Effect = Effect.NONE
    fence: int = 0
    reported: int = 0
    tries: dict[Direction, int] = field(default_factory=lambda: {ACTION: 0, COMPENSATION: 0})
    counted: int = 0
    """Tries of the present direction, without those that a person forgave, that were held back
    before they began, or that died beside others."""
    not_counted: int = 0
    since: datetime | None = None
    due: tuple[Direction, datetime] | None = None
    flight: tuple[Direction, int, str] | None = None
    """Direction, fence and holder of the claim that is believed."""
    lease_until: datetime | None = None
    asks: int = 0
    """Of a poll, since its newest event."""
    is_together: bool = False
    goes_alone: bool = False
    waits: Direction | None = None
    until: datetime | None = None
    reminded: int = 0
    remind_at: datetime | None = None
    is_done: bool = False
    has_failed: bool = False
    is_undone: bool = False
    is_stuck: bool = False
    was_helped: bool = False
    """A person had its compensation tried again: it may now come after those before it."""
    signals: list[Any] = field(default_factory=list)
    """The payloads that were accepted, and of those with a key which."""
    handed: list[Any] = field(default_factory=list)
    """What was kept for the round that is started: the names of signals, and their payloads."""
    keys: dict[str, Any] = field(default_factory=dict)
    wrote: set[str] = field(default_factory=set)
    children: list[Child] = field(default_factory=list)
    total: int = 0
    heard: dict[Outcome, int] = field(default_factory=dict)
    is_halted: bool = False
    is_closed: bool = False
    """Of a list that grows: no more items come."""
    is_refused: bool = False
    """Some of its children could not be started."""

    @property
    def is_in_motion(self) -> bool:
        return bool(self.due or self.flight or self.waits)

    @property
    def is_troubled(self) -> bool:
        return self.is_stuck or self.has_failed

    def is_moving(self, direction: Direction) -> bool:
        """Whether it is scheduled, waits or is in flight in that direction."""
        return self.waits is direction or any(
            part is not None and part[0] is direction for part in (self.due, self.flight)
        )
