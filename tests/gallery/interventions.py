"""What a person may do to a saga at any time, and the points at which it is done: after each
message that a worker has handled, and after each thing that happens from outside."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Final

from examples.gallery.ledger import ledger
from sagas import engine
from sagas.errors import BadInput, OperationRefused, SagaError
from sagas.machine import TERMINAL
from sagas.models import SagaExecution
from sagas.registry import registry
from sagas.testing.workers import Worker, work_off, working
from tests.gallery.playing import BY, ID, Play, perform

Intervention = Callable[[Worker], bool]
"""Returns whether it was accepted."""

LONG: Final = 400
"""Days after which nothing waits for a time any more."""


def points(play: Play, worker: Worker) -> Iterator[None]:
    """Plays it, and stops at each point. What comes from outside may be refused: the saga may have
    been moved on by hand."""
    ledger.clear()
    engine.start(play.saga.saga_type, play.input, saga_id=ID)
    yield
    for act in (None, *play.acts):
        if act is not None:
            with suppress(SagaError):
                perform(act, worker)
            yield
        while _handle_one(worker):
            yield


def _handle_one(worker: Worker) -> bool:
    """One message, or one look of the wake loop; whether there was anything."""
    try:
        work_off(worker.messages, most=1)
    except AssertionError:  # that was one, and there may be more
        return True
    return False


def runs(play: Play, intervene: Intervention, each: int) -> Iterator[bool]:
    """Plays it to its end, with an intervention at one point, for each point, or one of `each`;
    whether it was accepted."""
    for at in count(step=each):
        SagaExecution.objects.all().delete()
        known, accepted = dict(registry._sagas), None
        with working() as worker:
            for number, _ in enumerate(points(play, worker)):
                if number == at:
                    accepted = intervene(worker)
            if _is_alive():
                worker.wait(timedelta(days=LONG))
        if accepted is None:
            return
        yield accepted
        registry._sagas.clear()
        registry._sagas.update(known)


def _is_alive() -> bool:
    """Whether any execution has not ended."""
    return SagaExecution.objects.exclude(status__in=TERMINAL).exists()


def cancel(worker: Worker) -> bool:
    return _is_accepted(lambda: engine.cancel(ID, by=BY))


def pause(worker: Worker) -> bool:
    """And lets it go on, after whatever is under way has ended."""
    if not _is_accepted(lambda: engine.pause(ID, by=BY)):
        return False
    work_off(worker.messages)
    before = list(ledger.journal)
    worker.wait(1)
    assert ledger.journal == before, "a paused saga does nothing"
    engine.resume(ID, by=BY)
    return True


def amend(worker: Worker) -> bool:
    return _is_accepted(lambda: engine.amend(ID, {"note": "of a person"}, by=BY))


def change_version(worker: Worker) -> bool:
    """A newer version is there, and the execution is moved to it."""
    found = SagaExecution.objects.get(saga_id=ID)
    saga = registry.newest(found.saga_type)
    registry.add(replace(saga, version=saga.version + 1))
    return _is_accepted(lambda: engine.adopt(ID, saga.version + 1, by=BY))


def skip(worker: Worker) -> bool:
    """Whatever is at work or waits."""
    current = SagaExecution.objects.get(saga_id=ID).current_steps
    accepted = [_is_accepted(lambda: engine.skip(ID, name, by=BY)) for name in current]  # noqa: B023
    return any(accepted)


def _is_accepted(act: Callable[[], object]) -> bool:
    """Whether it was; if it was refused, the saga is as it was before."""
    before = _row()
    try:
        act()
    except (OperationRefused, BadInput):
        assert _row() == before, "what is refused changes nothing"
        return False
    return True


def _row() -> Mapping[str, object]:
    return SagaExecution.objects.values().get(saga_id=ID)
