"""Every fact in every order, on random definitions; the clauses are checked after each."""

import os
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from sagas.machine import (
    Claim,
    ExecutionStatus,
    Failed,
    FailureKind,
    StepState,
    StepStatus,
    Succeeded,
    Verdict,
    event_json,
    fold,
    hints,
    wake_at,
)
from sagas.machine import events as ev
from tests.machine.conversation import ACTION, COMPENSATION, Conversation, failure
from tests.machine.shapes import precedence, sagas

KINDS = st.sampled_from([FailureKind.REJECTED, FailureKind.UNREACHABLE, FailureKind.UNKNOWN])
LEAVES_A_TRACE = (FailureKind.UNKNOWN, FailureKind.CONFLICT)
SETTLING = (ev.StepSucceeded, ev.StepRetrying, ev.StepFailed)


class AnySaga(RuleBasedStateMachine):
    """`claims` are the attempts that somebody works on, whether or not they are still believed."""

    @initialize(saga=sagas())
    def begin(self, saga: Any) -> None:
        self.talk = Conversation(saga, {"input": 1})
        self.before = set(precedence(saga.body))
        self.claims: list[Claim] = []
        self.reported: set[Claim] = set()

    @property
    def state(self) -> Any:
        return self.talk.state

    @precondition(lambda self: self.talk.due())
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        due = hints(self.state, self.talk.now)
        hint = data.draw(st.sampled_from(due))
        fact = Claim(hint.step, hint.direction, hint.fence, f"holder-{len(self.claims)}")
        assert self.talk.tell(fact).verdict is Verdict.ACCEPTED
        self.claims.append(fact)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), key=st.sampled_from(["own", "shared"]))
    def succeed(self, data: st.DataObject, key: str) -> None:
        claim = self._some_claim(data)
        changes = {claim.step if key == "own" else "shared": len(self.talk.history)}
        self._report(claim, Succeeded(claim.step, claim.direction, claim.fence + 1, changes))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), kind=KINDS)
    def fail(self, data: st.DataObject, kind: FailureKind) -> None:
        claim = self._some_claim(data)
        self._report(claim, Failed(claim.step, claim.direction, claim.fence + 1, failure(kind)))

    def _some_claim(self, data: st.DataObject) -> Claim:
        """Mostly the newest, so that sagas get somewhere; or any, however old."""
        old = data.draw(st.integers(0, 3)) == 0
        return data.draw(st.sampled_from(self.claims)) if old else self.claims[-1]

    def _report(self, claim: Claim, fact: Any) -> None:
        """S1: only the newest fence counts, only once, and only while the claim is believed."""
        step: StepState = self.state.step(claim.step)
        in_flight = step.status in (StepStatus.RUNNING, StepStatus.COMPENSATING)
        is_holder = step.fence == fact.fence and in_flight
        before = self.state
        verdict = self.talk.tell(fact).verdict
        assert (verdict is Verdict.ACCEPTED) == is_holder
        if is_holder:
            self.reported.add(claim)
            return
        # The row remembers its newest report: a report in doubt is repeated before any other.
        if claim in self.reported and step.reported == fact.fence:
            assert verdict is Verdict.REPEATED
            assert self.state == before
        else:
            assert verdict is Verdict.LATE
            assert (self.state.steps, self.state.context) == (before.steps, before.context)
            assert self.state.status is before.status

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def claim_again(self, data: st.DataObject) -> None:
        """R1: a hint repeated after its work was claimed, by somebody else."""
        old = data.draw(st.sampled_from(self.claims))
        before = self.state
        fact = Claim(old.step, old.direction, old.fence, "a thief")
        assert self.talk.tell(fact).verdict is Verdict.REFUSED
        assert self.state == before

    @rule(seconds=st.sampled_from([0.0, 1.0, 5.0, 100.0]))
    def pass_time(self, seconds: float) -> None:
        self.talk.pass_time(seconds)

    @invariant()
    def s8_folding_the_events_gives_the_state(self) -> None:
        assert fold(self.talk.history) == self.state
        assert self.state.last_seq == len(self.talk.history)
        read = [
            event_json.from_json(event.type, event_json.to_json(event))
            for event in self.talk.history
        ]
        assert read == self.talk.history

    @invariant()
    def rows_read_back_as_they_were(self) -> None:
        for step in self.state.steps.values():
            assert StepState.from_json(step.to_json()) == step

    @invariant()
    def l1_somebody_is_woken_for_whatever_is_not_at_rest(self) -> None:
        assert (wake_at(self.state, self.talk.now, 0) is None) == self.state.is_at_rest

    @invariant()
    def s2_each_attempt_settles_once(self) -> None:
        settled = [
            (event.step, event.direction, event.attempt)
            for event in self.talk.history
            if isinstance(event, SETTLING)
        ]
        assert len(settled) == len(set(settled))

    @invariant()
    def s3_what_is_completed_never_turned_back(self) -> None:
        if self.state.status is ExecutionStatus.COMPLETED:
            names = self.talk.saga.by_name
            assert all(self.state.step(name).status is StepStatus.SUCCEEDED for name in names)
            assert not self._compensations("scheduled")

    @invariant()
    def s4_what_may_have_happened_is_undone_and_nothing_else(self) -> None:
        touched = self._touched()
        for name, step in self.state.steps.items():
            if step.compensation_attempts or step.status is StepStatus.COMPENSATION_SCHEDULED:
                assert name in touched
        if self.state.status is ExecutionStatus.COMPENSATED:
            for definition in self.talk.saga.claimed_steps:
                name = definition.name
                must = definition.compensation is not None and name in touched
                assert (self.state.step(name).status is StepStatus.COMPENSATED) == must

    @invariant()
    def s5_no_compensation_starts_before_every_action_has_settled(self) -> None:
        if self._compensations("scheduled"):
            assert not list(self.state.in_flight(ACTION))
            assert not list(self.state.scheduled(ACTION))

    @invariant()
    def s6_steps_wait_for_those_before_them_in_either_direction(self) -> None:
        for earlier, later in self.before:
            first, second = self.state.step(earlier), self.state.step(later)
            if second.attempts or second.status is StepStatus.SCHEDULED:
                assert StepStatus.SUCCEEDED in (first.status, *self._past(earlier))
            if first.compensation_attempts or first.status is StepStatus.COMPENSATION_SCHEDULED:
                must = self._can_undo(later) and later in self._touched()
                assert not must or second.status in (
                    StepStatus.COMPENSATED,
                    StepStatus.COMPENSATION_FAILED,
                )

    @invariant()
    def s7_nothing_is_undone_after_the_pivot(self) -> None:
        pivot = self.talk.saga.pivot
        if pivot is not None and StepStatus.SUCCEEDED in self._past(pivot.name):
            assert not self._compensations("scheduled")

    def teardown(self) -> None:
        """L1, L2: once faults end, every saga comes to rest."""
        if not hasattr(self, "talk"):
            return
        for _ in range(200):
            if self.state.is_at_rest:
                return
            self.talk.pass_time(100)
            for name in sorted({hint.step for hint in hints(self.state, self.talk.now)}):
                self.talk.succeed(name)
        raise AssertionError(f"it never came to rest: {self.talk.statuses()}")

    def _compensations(self, what: str) -> list[ev.Event]:
        return [
            event
            for event in self.talk.history
            if event.type == f"step.{what}" and getattr(event, "direction", None) is COMPENSATION
        ]

    def _can_undo(self, name: str) -> bool:
        step = self.talk.saga.claimed_step(name)
        return step is not None and step.compensation is not None

    def _touched(self) -> set[str]:
        """The steps whose action did, or may have done, something at its participant."""
        return {
            event.step
            for event in self.talk.history
            if isinstance(event, SETTLING) and event.direction is ACTION
            if isinstance(event, ev.StepSucceeded) or event.failure.kind in LEAVES_A_TRACE
        }

    def _past(self, name: str) -> list[StepStatus]:
        """`SUCCEEDED` if the step's action ever did."""
        return [
            StepStatus.SUCCEEDED
            for event in self.talk.history
            if isinstance(event, ev.StepSucceeded)
            and event.step == name
            and event.direction is ACTION
        ]


EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES") or (2000 if os.environ.get("CI") else 300))

AnySaga.TestCase.settings = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None)
TestAnySaga = AnySaga.TestCase
