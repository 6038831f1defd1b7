"""The machine under test: the only place from which the walk asks it anything."""

from collections.abc import Callable

from sagas.machine import Decision, ExecutionState, Fact, decide, start
from sagas.machine import events as ev
from tests.model.facts import NOW
from tests.model.shape import Shape
from tests.model.telling import told
from tests.model.violation import Violation


def first_answer(shape: Shape, fact: ev.SagaStarted) -> Decision:
    return _answered(fact, lambda: start(shape.saga, fact, NOW))


def answer(shape: Shape, state: ExecutionState, fact: Fact) -> Decision:
    return _answered(fact, lambda: decide(shape.saga, state, fact, NOW))


def _answered(fact: object, ask: Callable[[], Decision]) -> Decision:
    """A fact may be refused, but it never makes the machine fail: not by `IllegalMove` either."""
    try:
        return ask()
    except Exception as error:
        story = [f"fact {told(fact)}", f"it raised {error!r}"]
        raise Violation("S8: the machine has an answer to every fact", story) from error
