"""Moving executions to another definition, because a person says so (S12)."""

from collections.abc import Iterator
from dataclasses import replace

from sagas.engine import tasks
from sagas.engine.saving import Transition, news_of
from sagas.errors import NoSuchExecution
from sagas.listeners import announce
from sagas.machine import Adopt, Decision, Saga, StepStatus, Verdict
from sagas.machine.definition import items_type
from sagas.machine.family_steps import defines_children
from sagas.registry import registry
from sagas.store import children, executions, transitions
from sagas.store.executions import ExecutionSnapshot
from sagas.store.transitions import TransitionWrite
from sagas.whatif.adoption import Adoption, adopt, adoption


def adopt_locked(locked: ExecutionSnapshot, fact: Adopt) -> Transition:
    """Moves an execution that the caller's transaction has locked. Decides nothing else: whoever
    looks at it next does, by its new definition. Raises `UnknownSaga`."""
    definition = _definition(locked, fact)
    planned = _planned(locked, definition, fact)
    if planned.is_there or planned.refused:
        verdict = Verdict.REPEATED if planned.is_there else Verdict.REFUSED
        said = Decision(verdict, locked.state, (), (), reason=" ".join(planned.refused))
        return Transition(definition, said, locked, None)
    decision = adopt(definition, locked.state, fact, locked.now)
    # One that is at rest stays so, and must not be woken (L1).
    wake = locked.wake_at if locked.state.is_at_rest else locked.now
    came_to, _ = news_of(definition, locked, decision)
    transitions.save([TransitionWrite(locked, decision, wake, came_to)], locked=True)
    executions.adopt(locked, definition.version, definition.digest)
    if locked.state.having(StepStatus.WAITING):
        tasks.write([(locked.id, definition, decision.state)], locked.now)
    announce(locked.id, definition, decision)
    return Transition(definition, decision, locked, None)


def planned(execution_id: int, fact: Adopt) -> Adoption:
    """What `adopt_locked` would do. Changes nothing."""
    found = executions.peek(execution_id)
    if found is None:
        raise NoSuchExecution("It was deleted just now.")
    return _planned(found, _definition(found, fact), fact)


def items_left(found: Transition, fact: Adopt) -> Iterator[tuple[list[str], Adopt]]:
    """The items and rounds of an execution that has moved which don't go by its new definition
    yet, and how they come to, for each step; but not items that are sagas, which have versions of
    their own. None of those that are over for good."""
    definition = found.definition
    for step in definition.by_name.values():
        if defines_children(step):
            items = registry.get(items_type(definition.saga_type, step), definition.version)
            leave = tuple(items.by_name) if step.name in fact.leave else ()
            saga_ids = children.unlike(found.row.id, step.name, items)
            yield saga_ids, replace(fact, version=definition.version, leave=leave)


def _definition(row: ExecutionSnapshot, fact: Adopt) -> Saga:
    state = row.state
    return registry.get(state.saga_type, state.version if fact.version is None else fact.version)


def _planned(row: ExecutionSnapshot, definition: Saga, fact: Adopt) -> Adoption:
    began_with = registry.of_structure(row.state.saga_type, row.digest)
    return adoption(definition, row.state, row.digest, began_with, fact.leave, row.now)
