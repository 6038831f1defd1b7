"""What a worker has claimed: made of the row, as the claim left it."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sagas.engine import event_loop
from sagas.engine.event_loop import SoftLimit
from sagas.errors import TransactionLeftOpen
from sagas.machine import Direction, Effect, Later, Poll, Retry, Saga
from sagas.machine.context import for_action, given_to, idempotency_key
from sagas.machine.steps import Action, SagaStep
from sagas.store import sessions
from sagas.store.executions import ExecutionSnapshot
from sagas.typed_context import call

logger = logging.getLogger(__name__)

Row = ExecutionSnapshot
"""An execution as it was read: for the engine alone, to be handed back."""


@dataclass(frozen=True, slots=True)
class Work:
    """A successful claim: what to run, and what to run it with."""

    execution_id: int
    saga_id: str
    step: str
    direction: Direction
    attempt: int
    fence: int
    action: Action
    context: Mapping[str, Any]
    retry: Retry
    probe: Action | None
    """Asked first: an earlier attempt of the action may have happened."""
    is_atomic: bool
    """Whether it is for `run_atomic`."""
    definition: Saga
    row: Row
    """The execution as the claim left it."""

    @property
    def claimed(self) -> SagaStep:
        """The step's own definition."""
        step = self.definition.claimed_step(self.step)
        assert step is not None, "only such a step can be claimed"
        return step

    def run(self, limit: SoftLimit | None = None) -> object:
        """Calls the action with a copy of the context, so that changes made in place can be told
        from what it was given (S10). Returns and raises what the action does, and raises
        `TransactionLeftOpen` if it left a transaction open (R23), except for an atomic step, which
        runs inside a transaction. An async action is awaited, within `limit`.

        With a probe, the action is called only if it did not happen, and the compensation only if
        there is something to undo.
        """
        left = ""
        try:
            with sessions.without_own():
                returned = self._call(partial(self._wait_for, limit))
                if returned is None and isinstance(self.definition.by_name[self.step], Poll):
                    raise Later("not yet")
        finally:
            if not self.is_atomic and (left := sessions.end_what_is_open()):
                logger.warning("%s: %s left connection %s.", self.saga_id, self.step, left)
        if left:
            raise TransactionLeftOpen(left)
        return returned

    def _call(self, wait: Callable[[Awaitable[Any]], Any]) -> object:
        if self.probe is None:
            return call(self.action, for_action(self.context), wait)
        key = self.context["action_key"]
        known = call(self.probe, for_action({**self.context, "idempotency_key": key}), wait)
        if self.direction is Direction.ACTION:
            return call(self.action, for_action(self.context), wait) if known is None else known
        if known is None:
            logger.info("%s: %s never happened: nothing to undo.", self.saga_id, self.step)
            return None
        returned = call(self.action, for_action({**self.context, **known}), wait)
        return {**known, **(returned or {})}

    def _wait_for(self, limit: SoftLimit | None, awaitable: Awaitable[Any]) -> object:
        """Raises TypeError in an atomic step: what is known as an async function is refused in its
        definition, but a plain one may return a coroutine, too."""
        if self.is_atomic:
            getattr(awaitable, "close", lambda: None)()
            raise TypeError(
                f"Step {self.step!r} is atomic, and its function returned a coroutine. Django has "
                "no async transactions: write it without async, or leave atomic out."
            )
        return event_loop.run(awaitable, limit)


def held_by(row: ExecutionSnapshot, holder: str) -> tuple[str, Direction] | None:
    """The step and direction that `holder` has claimed, and not yet settled."""
    return next(
        (
            (name, direction)
            for direction in Direction
            for name in row.state.in_flight(direction)
            if row.state.step(name).holder == holder
        ),
        None,
    )


def work_of(saga: Saga, row: ExecutionSnapshot, step: str, direction: Direction) -> Work:
    """The work of a step that is claimed in `row`."""
    definition, state = saga.claimed_step(step), row.state
    assert definition is not None, "only such a step can be claimed"
    action, mine = definition.callable_for(direction), state.step(step)
    assert action is not None, "a step without a compensation is never scheduled for one"
    assert mine.lease_until is not None, "a claimed step has a lease"
    attempt = mine.attempts_of(direction)
    given = given_to(
        state.context,
        saga_id=state.saga_id,
        key=idempotency_key(state.saga_id, step, direction),
        action_key=idempotency_key(state.saga_id, step, Direction.ACTION),
        attempt=attempt,
        # The attempt's own end, not the lease's: what is between them is for ending and reporting.
        deadline=mine.lease_until - definition.lease + definition.soft_limit,
    )
    return Work(
        row.id,
        state.saga_id,
        step,
        direction,
        attempt,
        mine.fence,
        action,
        given,
        saga.policy(definition, direction),
        definition.probe if mine.effect is Effect.POSSIBLE else None,
        definition.atomic,
        saga,
        row,
    )
