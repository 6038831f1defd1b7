"""Items that signals have added to a `ForEach`, whose list grows while it is at work.

They are kept beside the context, as early signals are, until the step has ended: each is written
once, and no step beside it sees a list that changes.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sagas.machine.definition import Saga
from sagas.machine.family_steps import ForEach
from sagas.machine.state import ExecutionState
from sagas.machine.waiting_steps import MOST_COLLECTED

MOST_ADDED: Final = MOST_COLLECTED
"""Items that signals may add to one step: the row has all of them, and is written anew with each,
as with a wait that collects."""


def items_of(step: ForEach, state: ExecutionState) -> list[Any] | None:
    """Those of the context's list, then those that signals have added; None if it is no list. For a
    list that grows, no key is an empty one."""
    items = state.context.get(step.over, [] if step.grows_by else None)
    if not isinstance(items, list | tuple):
        return None
    return [*items, *state.options.collected.get(step.name, ())]


def added(step: ForEach, state: ExecutionState) -> dict[str, Any]:
    """What signals have added, as the context gets it once the step has ended."""
    if step.name not in state.options.collected:
        return {}
    return {step.over: items_of(step, state)}


def is_open(step: ForEach, state: ExecutionState) -> bool:
    """Whether a signal may still add an item."""
    children = state.step(step.name).children
    if not step.grows_by or step.name in state.options.signals:
        return False
    return children is None or children.open


def list_at_work(
    definition: Saga,
    state: ExecutionState,
    changes: Mapping[str, Any],
    steps: Iterable[str] | None = None,
) -> str:
    """Which of `steps`, or of all, still has to do with the list of items that `changes` would
    change under it; empty if none has. Items that were not started yet may change, their number may
    not."""
    for name in definition.by_name if steps is None else steps:
        step, known = definition.by_name[name], state.step(name)
        if not isinstance(step, ForEach) or step.over not in changes or known.is_done:
            continue
        if known.children is None or not (known.children.started or known.direction):
            continue
        before, after = state.context.get(step.over, []), changes[step.over]
        started = known.children.started
        is_list = isinstance(after, list | tuple) and len(after) == len(before)
        if not is_list or list(after[:started]) != list(before[:started]):
            return name
    return ""
