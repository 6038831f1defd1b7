"""The execution under test and what is around it: workers, children, people and a clock.

Every fact is told through it, and every clause of the contract is checked after each.
"""

from collections import Counter
from collections.abc import Mapping, Set
from datetime import timedelta
from typing import Any

from sagas.machine import (
    TERMINAL,
    ChildCommand,
    ChildrenMoved,
    ChildrenRefused,
    Claim,
    Decision,
    ExecutionState,
    ExecutionStatus,
    Fact,
    Failed,
    Failure,
    FailureKind,
    ForEach,
    Hint,
    Reminded,
    Repeat,
    Saga,
    Signal,
    Start,
    SubSaga,
    Succeeded,
    Verdict,
    Woken,
    decide,
    due_reminders,
    hints,
    start,
)
from sagas.machine import events as ev
from sagas.machine.family_steps import MOST_CHILDREN_AT_ONCE
from sagas.machine.growing import closed_by
from sagas.machine.outcomes import SUCCESS
from sagas.testing.conversation import START
from tests.machine.conversation import ACTION, failure
from tests.properties.answer_clauses import ANSWER_CLAUSES
from tests.properties.children import Child, check_order_of_rounds, take_news
from tests.properties.construct_clauses import HintTarget
from tests.properties.event_clauses import EVENT_CLAUSES
from tests.properties.expectations import expected_verdict
from tests.properties.ledger import Ledger
from tests.properties.shapes import SHARED

Answer = str | tuple[FailureKind, bool, float | None]
"""What a worker reports: which key it changed; or a kind of failure, whether it is final, and after
how many seconds it asks to be repeated."""


class World:
    """`refusing` says of some steps from which child on they can't be started; `with_pivots` are
    the steps whose children can't be undone once they are past a pivot of their own; `at_birth`
    says of some whether their children do well, which come to their end as soon as they are born.
    """

    def __init__(
        self,
        saga: Saga,
        started: ev.SagaStarted,
        refusing: Mapping[str, int],
        with_pivots: Set[str],
        at_birth: Mapping[str, bool],
    ) -> None:
        self.saga = saga
        self.refusing = dict(refusing)
        self.with_pivots = with_pivots
        self.at_birth = at_birth
        self.now = START
        self.ledger = Ledger(saga, started)
        self.claims: list[Claim] = []
        self.messages: list[Hint] = []
        self.met: Counter[str] = Counter()
        self.is_broken = True  # until the answer that is looked at has held
        decision = start(saga, started, self.now)
        self._check(HintTarget(None, None, self.now, None), decision)
        self._carry_out(decision)
        self.is_broken = False

    def tell(self, fact: Fact) -> Decision:
        """Hands `fact` to the machine, and checks what follows."""
        self.is_broken = True
        decision = self._answer(fact)
        if isinstance(fact, Signal):
            self._end_closed(fact)
        self._carry_out(decision)
        self.is_broken = False
        return decision

    def _end_closed(self, fact: Signal) -> None:
        """A list was closed, all of whose items are done: what they give is read at once."""
        step = self.saga.signals.get(fact.name)
        if not isinstance(step, ForEach):
            return
        story = self.ledger.steps[step.name]
        is_over = story.waits is ACTION and self.ledger.is_complete(step.name, story.heard)
        assert closed_by(self.saga, self.state, fact) == (step.name if is_over else "")
        if is_over:
            self.met["a list closed at its end"] += 1
            self.tell(ChildrenMoved(step.name, {}, self._given_back(step.name)))

    def pass_time(self, seconds: float, *, looks: bool = True) -> None:
        """Time goes by, and somebody looks, or nobody."""
        self.now += timedelta(seconds=seconds)
        if looks:
            self.tell(Woken())
            self._remind()

    def _remind(self) -> None:
        """Starts the reminders that are due, as the engine does after a look; every second one
        can't be."""
        due = [name for name, story in self.ledger.steps.items() if self._is_to_remind(name)]
        assert sorted(due_reminders(self.state, self.now)) == sorted(due)
        for name in due:
            is_even = self.ledger.steps[name].reminded % 2
            self.tell(Reminded(name, failure(FailureKind.REJECTED) if is_even else None))

    def _is_to_remind(self, name: str) -> bool:
        at_rest = self.ledger.paused or self.ledger.has_turned
        remind_at = self.ledger.steps[name].remind_at
        return not at_rest and remind_at is not None and remind_at <= self.now

    # --- Workers ----------------------------------------------------------------------------------

    def due(self) -> list[Hint]:
        return hints(self.state, self.now)

    def claim(self, hint: Hint, *, together: bool = False) -> Claim | None:
        """A worker handles a message; its claim, if it was granted."""
        holder = f"holder-{len(self.claims)}"
        fact = Claim(hint.step, hint.direction, hint.fence, holder, together)
        if self.tell(fact).verdict is not Verdict.ACCEPTED:
            return None
        self.claims.append(fact)
        return fact

    def report(self, claim: Claim, answer: Answer) -> Decision:
        """What the holder of `claim` says, whether or not it is still believed."""
        step, direction, fence = claim.step, claim.direction, claim.fence + 1
        if not isinstance(answer, str):
            kind, final, wait = answer
            known = self.saga.claimed_step(step)
            accepted = kind is FailureKind.REJECTED and bool(known and known.accept)
            return self.tell(Failed(step, direction, fence, failure(kind), final, wait, accepted))
        key = {"own": step, "shared": SHARED, "list": "three"}.get(answer)
        changes = {} if key is None else {key: [self.ledger.count]}
        return self.tell(Succeeded(step, direction, fence, changes))

    def believed(self) -> list[Claim]:
        """The claims in flight."""
        flights = {(name, story.fence) for name, story in self.ledger.steps.items() if story.flight}
        return [claim for claim in self.claims if (claim.step, claim.fence + 1) in flights]

    def overtaken(self) -> list[Claim]:
        """The claims that were shut out, and that nothing was reported under since."""
        steps = self.ledger.steps
        believed = self.believed()
        return [
            claim
            for claim in self.claims
            if claim not in believed and steps[claim.step].reported != claim.fence + 1
        ]

    def is_in_trouble(self) -> bool:
        """Whether a person should see to what gave up."""
        is_still = self.ledger.paused or self.state.status is ExecutionStatus.FAILED
        return is_still and any(story.is_troubled for story in self.ledger.steps.values())

    @property
    def is_child(self) -> bool:
        return self.ledger.started.held or self.ledger.started.forward_only

    def waits_for_locks(self) -> bool:
        return self.ledger.blocked and self.state.status not in TERMINAL

    def may_be_released(self) -> bool:
        """Whether a parent may tell it to undo what it did."""
        ended = (ExecutionStatus.COMPENSATING, ExecutionStatus.COMPLETED)
        return self.ledger.held and self.state.status in ended

    def waits(self) -> list[str]:
        return [*self.saga.signals]

    def lists_at_their_end(self) -> list[str]:
        """The steps that grow, are not closed, and have nothing to do."""
        return [
            name
            for name, story in self.ledger.steps.items()
            if isinstance(step := self.saga.by_name[name], ForEach)
            and step.grows_by
            and not story.is_closed
            and story.waits is ACTION
            and 0 < story.total == sum(story.heard.get(o, 0) for o in SUCCESS)
        ]

    # --- Children ---------------------------------------------------------------------------------

    def children(self) -> list[Child]:
        return [child for story in self.ledger.steps.values() for child in story.children]

    def children_in_need(self) -> list[Child]:
        return [child for child in self.children() if child.needs_a_person]

    def families_with_news(self) -> list[str]:
        return [
            name
            for name, story in self.ledger.steps.items()
            if any(child.has_news for child in story.children)
        ]

    def take_news(self, name: str, *, storable: bool = True) -> Decision:
        """The parent hears what the children of a step have come to."""
        story = self.ledger.steps[name]
        change = dict(take_news(story.children))
        taken = Counter(child.taken for child in story.children if child.taken is not None)
        is_complete = self.ledger.is_complete(name, taken)
        changes: dict[str, Any] = {}
        why: Failure | None = None
        if is_complete and not storable:
            why = failure(FailureKind.REJECTED)
        elif is_complete:
            changes = self._given_back(name)
        return self.tell(ChildrenMoved(name, change, changes, why))

    def _given_back(self, name: str) -> dict[str, Any]:
        step = self.saga.by_name[name]
        if isinstance(step, Repeat):  # the first round changes nothing
            rounds = len(self.ledger.steps[name].children)
            return (
                {step.conditions[0][0]: rounds} if rounds > 1 and step.said != "deep.er.x" else {}
            )
        if isinstance(step, ForEach):
            return {name: [{} for _ in self.ledger.steps[name].children]}
        assert isinstance(step, SubSaga)
        return dict.fromkeys(step.output, name)

    def _bear(self, start: Start) -> None:
        forward_only = self.ledger.started.forward_only or self.ledger.is_past_pivot()
        is_round = isinstance(self.saga.by_name[start.step], Repeat)
        has_pivot = start.step in self.with_pivots and not is_round
        born = [Child(forward_only, has_pivot) for _ in range(start.count)]
        self.ledger.steps[start.step].children += born
        if start.step in self.at_birth:
            for child in born * 2:  # it turns back, and has settled
                child.act(well=self.at_birth[start.step])
            if any(child.has_news for child in born):
                self.take_news(start.step)

    def _pass_on(self, tell: ChildCommand) -> None:
        for name, story in self.ledger.steps.items():
            for number, child in enumerate(story.children) if tell.step in (None, name) else ():
                if tell.number in (None, number):
                    check_order_of_rounds(tell, story.children, number)
                    child.leave(tell.command)

    # --- The machine ------------------------------------------------------------------------------

    def _answer(self, fact: Fact) -> Decision:
        self.met[type(fact).__name__] += 1
        expected = expected_verdict(self.ledger, self.state, fact, self.now)
        told = HintTarget(fact, self.state, self.now, expected)
        decision = decide(self.saga, self.state, fact, self.now)
        self.met[f"{type(fact).__name__} {decision.verdict}"] += 1
        self._check(told, decision)
        return decision

    def _check(self, told: HintTarget, decision: Decision) -> None:
        if decision.state.options.asked > self.ledger.asked:
            assert told.fact is not None
            self.met["asked"] += 1
            self.ledger.take_ask(told.fact, told.now)
        before = "" if told.before is None else told.before.status
        for recorded in decision.events:
            self.met[recorded.event.type] += 1
            self.met[f"{before} → {recorded.status}"] += 1
            before = recorded.status
            for of_event in EVENT_CLAUSES:
                of_event(self.ledger, recorded.event, told)
            self.ledger.take(recorded.event)
            if isinstance(recorded.event, ev.StepChildren) and recorded.event.adds is not None:
                self.met["a further round"] += 1
            if isinstance(recorded.event, ev.StepChildren) and recorded.event.hands:
                self.met["signals handed to a round"] += 1
        for tell in decision.child_commands:
            self.met["an older round undone"] += (
                tell.number == 0
                and tell.step is not None
                and (len(self.ledger.steps[tell.step].children) > 1)
            )
            self.ledger.take_order(tell.step, tell.command)
        self.state: ExecutionState = decision.state
        self.messages += decision.hints
        for of_answer in ANSWER_CLAUSES:
            of_answer(self.ledger, told, decision)

    def _carry_out(self, decision: Decision) -> None:
        """Starts children and tells them, as the engine does in the decision's transaction."""
        starts, tells = list(decision.starts), list(decision.child_commands)
        while starts:
            start = starts.pop(0)
            if start.first >= self.refusing.get(start.step, MOST_CHILDREN_AT_ONCE):
                why = failure(FailureKind.REJECTED)
                refused = self._answer(ChildrenRefused(start.step, start.count, why))
                starts += refused.starts
                tells += refused.child_commands
            else:
                self._bear(start)
        for tell in tells:
            self._pass_on(tell)
