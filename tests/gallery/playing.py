"""A play: an example on the real engine, what happens to it from outside, and what comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from examples.gallery.ledger import ledger
from sagas import Saga, engine
from sagas.models import SagaExecution
from sagas.testing.workers import Worker
from tests.engine.driving import check_history

ID: Final = "example"
BY: Final = "a test"


@dataclass(frozen=True)
class Signal:
    name: str
    payload: Any = None
    of: str = ID
    key: str | None = None


@dataclass(frozen=True)
class Wait:
    """Time goes by."""

    days: float = 0
    hours: float = 0
    minutes: float = 0
    seconds: float = 0


@dataclass(frozen=True)
class Cancel:
    pass


@dataclass(frozen=True)
class Move:
    """A person moves what a step waits for, to so many days from now."""

    step: str
    days: float
    of: str = ID


Act = Signal | Wait | Cancel | Move


@dataclass(frozen=True)
class Play:
    """`journal` is all that the participants did and undid, in order; `stands` is what is in effect
    at the end: unless it is said, all that was done if the saga completed, and else nothing."""

    saga: Saga
    input: Mapping[str, Any]
    journal: Sequence[str]
    acts: Sequence[Act] = ()
    ends: str = "completed"
    stands: Sequence[str] | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    """Of the keys at the end, those that count."""

    def run(self, worker: Worker) -> None:
        """Plays it. Raises AssertionError if anything else comes of it."""
        ledger.clear()
        engine.start(self.saga.saga_type, self.input, saga_id=ID)
        worker.work_off()
        for act in self.acts:
            perform(act, worker)
            worker.work_off()
        for execution in SagaExecution.objects.all():
            check_history(execution.pk)
        found = SagaExecution.objects.get(saga_id=ID)
        assert ledger.journal == list(self.journal)
        assert found.status == self.ends
        stands = self.stands
        if stands is None:
            stands = self.journal if self.ends == "completed" else ()
        assert ledger.in_effect() == list(stands)
        assert {key: found.context.get(key) for key in self.context} == self.context


def perform(act: Act, worker: Worker) -> None:
    match act:
        case Signal(name, payload, of, key):
            engine.signal(of, name, payload, key=key, by=BY)
        case Wait(days, hours, minutes, seconds):
            worker.wait(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds))
        case Cancel():
            engine.cancel(ID, by=BY)
        case Move(step, days, of):
            engine.reschedule(of, step, datetime.now(UTC) + timedelta(days=days), by=BY)


def refused(name: str) -> dict[str, Any]:
    """The input in which one thing is refused."""
    return {"faults": {name: "refused"}}


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()
