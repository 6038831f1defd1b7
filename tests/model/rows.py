"""What the production machine makes of each row.

Nothing here decides anything: every fact goes to `sagas.machine.decide`. That is a pure function,
so each row is told each fact once, however many worlds meet it there. What follows is held against
the clauses; so is a row that was not met before, and it gets every echo.
"""

from collections.abc import Hashable, Mapping
from dataclasses import replace

from sagas.machine import (
    ChildrenMoved,
    ChildrenRefused,
    Decision,
    ExecutionState,
    Fact,
    Operation,
    Outcome,
    Poll,
    WaitFor,
    Woken,
)
from sagas.machine import events as ev
from sagas.machine.evolve import begin
from sagas.machine.outcomes import completes
from tests.model import children, facts
from tests.model.calls import Call, calls_of, mask
from tests.model.clauses import TRANSITION_CLAUSES
from tests.model.echoes import check_echoes
from tests.model.family_clauses import FAMILY_CLAUSES
from tests.model.machine import answer, first_answer
from tests.model.past import Past
from tests.model.row import Row, Taken, Transition, canonical, key
from tests.model.shape import Shape
from tests.model.standing import ROW_CLAUSES
from tests.model.telling import told, told_row
from tests.model.violation import Violation, sentence
from tests.model.wait_clauses import WAIT_ROW_CLAUSES, WAIT_TRANSITION_CLAUSES


class Rows:
    """The rows of one shape that were met so far."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.calls = calls_of(shape)
        self.idle_bits = mask(call for call in self.calls.values() if _is_idle(shape, call))
        """Asks that their saga may do without, whether they were answered or not."""
        further = (*WAIT_TRANSITION_CLAUSES, *FAMILY_CLAUSES) if shape.has_construct else ()
        self._transition_clauses = (*TRANSITION_CLAUSES, *further)
        self._row_clauses = (*ROW_CLAUSES, *(WAIT_ROW_CLAUSES if shape.has_construct else ()))
        self._known: dict[Hashable, Row] = {}

    def __len__(self) -> int:
        return len(self._known)

    def started(self) -> Taken:
        saga = self.shape.saga
        fact = ev.SagaStarted("s-1", saga.saga_type, saga.version, self.shape.context)
        unborn = replace(begin(fact), last_seq=0)
        return self._taken(unborn, Past(), fact, first_answer(self.shape, fact))

    def claimed(self, row: Row, call: Call) -> Taken:
        if ("claim", call) not in row.taken:
            fact = facts.claim(call, row.state.step(call.step).fence)
            row.taken["claim", call] = self._decided(row.state, row.past, fact)
        return row.taken["claim", call]

    def reported(self, row: Row, call: Call, result: str) -> Taken:
        """By the holder of the newest claim."""
        if (result, call) not in row.taken:
            accept = bool(self.shape.claimed(call.step).accept)
            fact = facts.report(call, row.state.step(call.step).fence, result, accept)
            row.taken[result, call] = self._decided(row.state, row.past, fact)
        return row.taken[result, call]

    def woken(self, row: Row, *calls: Call) -> Taken:
        """By the wake loop, which comes just when the leases or backoffs of `calls` have ended."""
        if ("wake", *calls) not in row.taken:
            state = facts.when_time_has_come(row.state, [call.step for call in calls])
            row.taken["wake", *calls] = self._decided(state, row.past, Woken())
        return row.taken["wake", *calls]

    def timed_out(self, row: Row, *names: str) -> Taken:
        """By the wake loop, which comes just when the time of some waits has come."""
        if ("wake", *names) not in row.taken:
            state = facts.when_time_has_come(row.state, names)
            row.taken["wake", *names] = self._decided(state, row.past, Woken())
        return row.taken["wake", *names]

    def reminded(self, row: Row, name: str, *, has_started: bool) -> Taken:
        """By the engine, just when the next reminder of a wait is due."""
        if ("remind", name, has_started) not in row.taken:
            state = facts.when_a_reminder_is_due(row.state, name)
            fact = facts.reminded(name, has_started=has_started)
            row.taken["remind", name, has_started] = self._decided(state, row.past, fact)
        return row.taken["remind", name, has_started]

    def patience_over(self, row: Row, poll: Poll) -> Taken:
        """By the wake loop, which comes just when a poll may be asked for the last time."""
        if ("over", poll.name) not in row.taken:
            state = facts.when_patience_is_over(row.state, poll)
            row.taken["over", poll.name] = self._decided(state, row.past, Woken())
        return row.taken["over", poll.name]

    def signalled(self, row: Row, wait: WaitFor) -> Taken:
        """With the next signal that the wait may take."""
        if ("signal", wait.name) not in row.taken:
            fact = facts.signal(wait, len(row.past.keys_of(wait.name)) + 1)
            row.taken["signal", wait.name] = self._decided(row.state, row.past, fact)
        return row.taken["signal", wait.name]

    def sent(self, row: Row, name: str) -> Taken:
        """A signal for a list that grows."""
        if ("sent", name) not in row.taken:
            row.taken["sent", name] = self._decided(row.state, row.past, facts.sent(name))
        return row.taken["sent", name]

    def told(self, row: Row, operation: Operation, step: str = "") -> Taken:
        """By a person, of a `step` or of the whole saga."""
        name = type(operation).__name__
        if (name, step) not in row.taken:
            row.taken[name, step] = self._decided(row.state, row.past, operation)
        return row.taken[name, step]

    def lost(self, row: Row, call: Call) -> Taken:
        """By a process that saw the holder of the newest claim die."""
        if ("lost", call) not in row.taken:
            fact = facts.lost(call, row.state.step(call.step).fence)
            row.taken["lost", call] = self._decided(row.state, row.past, fact)
        return row.taken["lost", call]

    def heard(self, row: Row, change: Mapping[Outcome, int], *, is_enough: bool) -> Taken:
        """Of its children; of a round also whether it was enough."""
        told_of = tuple(sorted(change.items()))
        if ("heard", told_of, is_enough) not in row.taken:
            family = self.shape.family
            assert family is not None
            gives = completes(self.shape.saga, row.state, family.name, change)
            changes = self.shape.given_by_children(is_enough) if gives else {}
            fact = ChildrenMoved(family.name, change, changes)
            row.taken["heard", told_of, is_enough] = self._decided(row.state, row.past, fact)
        return row.taken["heard", told_of, is_enough]

    def refused(self, row: Row, count: int) -> Taken:
        """So many children, which are not there."""
        if ("refused", count) not in row.taken:
            family = self.shape.family
            assert family is not None
            fact = ChildrenRefused(family.name, count, facts.NO_CHILD)
            row.taken["refused", count] = self._decided(row.state, row.past, fact)
        return row.taken["refused", count]

    def _decided(self, before: ExecutionState, past: Past, fact: Fact) -> Taken:
        return self._taken(before, past, fact, answer(self.shape, before, fact))

    def _taken(
        self, before: ExecutionState, past: Past, fact: Fact | ev.SagaStarted, decision: Decision
    ) -> Taken:
        past_after = past.after(self.shape, fact, decision)
        transition = Transition(self.shape, before, past, past_after, fact, decision)
        events = tuple(told(event) for event in transition.events)
        for clause in self._transition_clauses:
            if not clause(transition):
                story = [f"fact {told(fact)}", *(f"event {event}" for event in events)]
                raise Violation(sentence(clause), [*story, told_row(decision.state)])
        hinted = mask(self.calls[hint.step, hint.direction] for hint in decision.hints)
        has_pivot = self.shape.children_have_pivot
        born = children.newborn(past_after.is_past_pivot, has_pivot)
        return Taken(
            self._row(canonical(decision.state), past_after),
            hinted,
            events,
            self.shape.family is not None,
            (born,) * sum(start.count for start in decision.starts),
            decision.child_commands,
        )

    def _row(self, state: ExecutionState, past: Past) -> Row:
        known = (key(state), past)
        if known not in self._known:
            row = self._known[known] = Row.of(state, past, self.calls)
            for row_clause in self._row_clauses:
                if not row_clause(self.shape, row):
                    raise Violation(sentence(row_clause), [told_row(state)])
            check_echoes(self.shape, row, self.calls)
        return self._known[known]


def _is_idle(shape: Shape, call: Call) -> bool:
    step = shape.step(call.step)
    is_skippable = call.step in shape.by_hand
    return isinstance(step, Poll) and (is_skippable or step.on_timeout == "continue")
