"""A saga tested as a conversation with the state machine: what is due, what is answered."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sagas.machine import (
    Cancel,
    Claim,
    Decision,
    Fact,
    Failed,
    Failure,
    FailureKind,
    Hint,
    Saga,
    Signal,
    Succeeded,
    Verdict,
    Woken,
    decide,
    hints,
    start,
)
from sagas.machine import events as ev
from sagas.machine.failures import classify, is_a, wait_of
from sagas.machine.parameters import as_timedelta

START: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Conversation:
    """A saga that has just been started with `context`, at `now`. Nobody calls its functions: you
    say what they came to.

    A step that is not due, or a signal that makes no sense, is an AssertionError. Steps made of
    children (`ForEach`, `SubSaga`, `Repeat`) wait for ever: their children are sagas of their own.
    """

    saga: Saga
    context: dict[str, Any] = field(default_factory=dict)
    now: datetime = START
    history: list[ev.Event] = field(default_factory=list)
    """All that has happened, in order."""

    def __post_init__(self) -> None:
        limit = self.saga.deadline
        started = ev.SagaStarted(
            "s-1",
            self.saga.saga_type,
            self.saga.version,
            self.context,
            deadline=None if limit is None else self.now + as_timedelta(limit),
        )
        self._take(start(self.saga, started, self.now))

    # --- What you see -----------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """Of the saga: `running`, `completed`, `compensating`, `compensated`, `failed`."""
        return self.state.status.value

    def due(self) -> set[tuple[str, str]]:
        """(step, `action` or `compensation`) of all that a worker would run now."""
        return {(hint.step, hint.direction.value) for hint in hints(self.state, self.now)}

    def statuses(self) -> dict[str, str]:
        """step → its status."""
        return {name: step.status.value for name, step in self.state.steps.items()}

    def types(self) -> list[str]:
        """Of the events in `history`."""
        return [event.type for event in self.history]

    # --- What you say -----------------------------------------------------------------------------

    def succeed(self, step: str, **changes: Any) -> Decision:
        """`step`, in the direction that is due, returns `changes`."""
        direction = self.hint(step).direction
        return self.tell(Succeeded(step, direction, self.claim(step), changes))

    def fail(
        self, step: str, error: BaseException | FailureKind = FailureKind.REJECTED
    ) -> Decision:
        """`step`, in the direction that is due, raises `error` in one attempt."""
        direction = self.hint(step).direction
        fence = self.claim(step)
        if isinstance(error, FailureKind):
            failure = Failure(error, "SomeError", "what it said")
            return self.tell(Failed(step, direction, fence, failure))
        definition = self.saga.claimed_step(step)
        assert definition is not None, "only such a step is due"
        kind = classify(error)
        repeats = self.saga.policy(definition, direction).repeats(error)
        final = kind is not FailureKind.LATER and not repeats
        reported = Failure.of(kind, error)
        accepted = is_a(error, definition.accept)
        wait = wait_of(error)
        return self.tell(Failed(step, direction, fence, reported, final, wait, accepted))

    def give_up(self, step: str, error: BaseException | FailureKind) -> None:
        """`step` raises `error` until it has no attempt left. It must run out of them."""
        status = self.state.step(step).status
        while self.state.step(step).status is status:
            self.fail(step, error)
            self.pass_time(3600)

    def signal(self, name: str, payload: Any = None, *, key: str = "") -> Decision:
        """A signal comes; `{}` is its payload if it has none. No form is asked."""
        given = {} if payload is None else payload
        decision = self.tell(Signal(name, given, "a test", key))
        assert decision.verdict is not Verdict.REFUSED, decision.reason
        return decision

    def cancel(self) -> Decision:
        """A person cancels the saga."""
        decision = self.tell(Cancel(by="a test", reason="it is one"))
        assert decision.verdict is not Verdict.REFUSED, decision.reason
        return decision

    def pass_time(self, seconds: float) -> Decision:
        """Time goes by, and somebody looks."""
        self.now += timedelta(seconds=seconds)
        return self.tell(Woken())

    # --- The machine's own words ------------------------------------------------------------------

    def tell(self, fact: Fact) -> Decision:
        """Hands `fact` to the machine, and keeps what follows."""
        decision = decide(self.saga, self.state, fact, self.now)
        self._take(decision)
        return decision

    def hint(self, step: str) -> Hint:
        """The hint for a step that is due."""
        found = [hint for hint in hints(self.state, self.now) if hint.step == step]
        assert found, f"{step} is not due; due: {self.due()}"
        return found[0]

    def claim(self, step: str, holder: str = "worker", *, together: bool = False) -> int:
        """Claims a step that is due; the fence under which it may be reported."""
        hint = self.hint(step)
        decision = self.tell(Claim(step, hint.direction, hint.fence, holder, together))
        assert decision.verdict is Verdict.ACCEPTED
        return hint.fence + 1

    def _take(self, decision: Decision) -> None:
        self.history += [recorded.event for recorded in decision.events]
        self.state = decision.state
