"""Everything that the page of one saga shows, read at one time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sagas import queries
from sagas.console.attempts import Attempts, attempts
from sagas.console.family import Children, children_of
from sagas.console.graph.standing import LAST_FORWARD, Told
from sagas.machine import TERMINAL, Direction, ExecutionState, Saga
from sagas.models import SagaEvent, SagaExecution
from sagas.registry import registry
from sagas.whatif import WayBack, stored, way_back

WINDOW: Final = 300
"""The newest events that the page looks at: what a saga of fifty steps has."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    found: SagaExecution
    described: dict[str, Any]
    """As `queries.describe` says it."""
    definition: Saga | None
    """None if no definition of this process fits."""
    state: ExecutionState | None
    """As the machine takes it; None if it can't be read."""
    events: Sequence[SagaEvent]
    """The newest, in order."""
    first: Sequence[SagaEvent]
    """The first one, if it is not among them."""
    attempts: Attempts
    children: dict[str, Children]
    back: WayBack | None
    """What a cancel would do; None if nothing can be said."""
    now: datetime

    @property
    def is_over(self) -> bool:
        return self.found.status in TERMINAL

    @property
    def told(self) -> Told:
        """What the events tell of the steps."""
        seconds: dict[tuple[str, str], float] = {}
        forward: dict[str, str] = {}
        for event in self.events:
            if event.step is None or event.direction is None:
                continue
            if event.seq in self.attempts.took:
                seconds[event.step, event.direction] = self.attempts.took[event.seq]
            if event.direction == Direction.ACTION and event.type in LAST_FORWARD:
                forward[event.step] = event.type
        return Told(forward, seconds)


def snapshot(saga_id: str, user: Any) -> Snapshot:
    """Raises `NoSuchExecution` if there is none that `user` may see."""
    found = queries.execution(saga_id, user)
    described = queries.describe(found, user)
    events = queries.events_for(user, found, max(0, found.last_seq - WINDOW), WINDOW)
    is_cut = bool(events) and events[0].seq > 1
    now = datetime.now(UTC)
    is_over = found.status in TERMINAL
    definition = registry.fitting(found.saga_type, found.version, found.definition_digest)
    state = _state(found)
    families = [step["name"] for step in described["steps"] if step["children"] is not None]
    back = None
    if definition is not None and state is not None and not is_over:
        back = way_back(definition, state, now)
    return Snapshot(
        found=found,
        described=described,
        definition=definition,
        state=state,
        events=events,
        first=queries.events_for(user, found, 0, 1) if is_cut else [],
        attempts=attempts(events, now, is_over),
        children=dict(children_of(found, families, user)),
        back=back,
        now=now,
    )


def _state(found: SagaExecution) -> ExecutionState | None:
    try:
        return stored.read(found)
    except Exception:  # one broken row must still have a page (L3)
        return None
