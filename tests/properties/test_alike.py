"""What bulk starts rely on: executions of one definition begin alike, whatever their contexts."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sagas.engine.starting import _is_plain
from sagas.machine import Saga, start
from sagas.machine.events import SagaStarted
from sagas.testing.conversation import START
from tests.properties.shapes import CONTEXT, sagas


@given(sagas(), st.dictionaries(st.text(max_size=5), st.integers() | st.lists(st.none())))
def test_the_first_decision_of_a_plain_saga_does_not_look_at_its_context(
    saga: Saga, context: dict[str, Any]
) -> None:
    if not _is_plain(saga):
        return
    one, other = (
        start(saga, SagaStarted(name, saga.saga_type, saga.version, dict(given)), START)
        for name, given in (("one", CONTEXT), ("other", context))
    )
    assert one.events[1:] == other.events[1:]
    assert one.hints == other.hints
    assert replace(one.state, saga_id="other", context=context) == other.state
