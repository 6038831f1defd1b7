"""The clauses of the contract that each event is held to, before it is entered in the ledger."""

from datetime import timedelta
from typing import Final

from sagas.machine import (
    Failed,
    FailureKind,
    Lost,
    Outcome,
    Poll,
    Progress,
    Repeat,
    Retry,
    SagaStep,
    Sleep,
    WaitFor,
)
from sagas.machine import events as ev
from sagas.machine.context import idempotency_key
from sagas.machine.parameters import HELD_BACK, as_timedelta
from tests.machine.conversation import ACTION, COMPENSATION
from tests.properties.children import AT_WORK_FORWARD
from tests.properties.construct_clauses import CONSTRUCT_CLAUSES, WORKING, Clause, HintTarget
from tests.properties.growth import GROWTH_CLAUSES
from tests.properties.ledger import Ledger, effect_after
from tests.properties.shapes import has_all_signals
from tests.properties.story import Story

_SETTLING = (ev.StepSucceeded, ev.StepRetrying, ev.StepFailed)
_FAILING = (ev.StepRetrying, ev.StepFailed)
_BEGINNING = (ev.StepScheduled, ev.StepWaiting)
DEATHS: Final = ("WorkerLost", "LeaseExpired")
REPEATED: Final = (FailureKind.UNREACHABLE, FailureKind.UNKNOWN, FailureKind.LATER)


def s1_each_claim_has_the_next_fence(ledger: Ledger, event: ev.Event, told: HintTarget) -> None:
    if isinstance(event, ev.StepClaimed | ev.StepWaiting):
        story = ledger.steps[event.step]
        assert event.fence == story.fence + 1
        assert event.attempt == story.tries[event.direction] + 1


def s2_each_attempt_settles_once(ledger: Ledger, event: ev.Event, told: HintTarget) -> None:
    if isinstance(event, _SETTLING):
        story = ledger.steps[event.step]
        assert (event.step, event.direction, event.attempt) not in ledger.settled
        assert (event.attempt, event.fence) == (story.tries[event.direction], story.fence)


def s3_what_is_completed_never_turned_back(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, ev.SagaCompleted):
        assert all(map(ledger.is_passed, ledger.steps))
        assert not ledger.has_undone
        assert not ledger.has_turned


def s4_an_effect_is_the_strongest_so_far(ledger: Ledger, event: ev.Event, told: HintTarget) -> None:
    if isinstance(event, _FAILING):
        assert event.effect is effect_after(ledger, event)


def s4_only_what_may_have_happened_is_undone(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, _BEGINNING) and event.direction is COMPENSATION:
        assert ledger.must_be_undone(event.step)
        assert ledger.steps[event.step].tries[ACTION] > 0


def s4_whatever_may_have_happened_is_undone(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, ev.SagaCompensated):
        for name, story in ledger.steps.items():
            assert story.is_undone == ledger.must_be_undone(name), name


def s4_a_step_is_as_far_as_all_its_children(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, ev.StepSucceeded) and ledger.is_family(event.step):
        story = ledger.steps[event.step]
        if event.direction is ACTION:
            is_empty = story.total == 0  # and closed, if it may grow: see growth
            is_repeat = isinstance(ledger.saga.by_name[event.step], Repeat)
            assert is_empty or is_repeat or ledger.is_complete(event.step, story.heard)
            if is_repeat:
                done = story.heard.get(Outcome.COMPLETED, 0) + story.heard.get(Outcome.FINAL, 0)
                assert done == len(story.children)
                assert story.total in (done, done + 1)
        else:
            assert story.heard.get(Outcome.UNDONE, 0) == len(story.children)


def s5_actions_settle_before_anything_is_undone(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, WORKING) and event.direction is COMPENSATION:
        for name, story in ledger.steps.items():
            assert not story.is_moving(ACTION), name
            assert not any(child.at in AT_WORK_FORWARD for child in story.children), name


def s5_a_child_waits_for_its_parent_to_go_back(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, _BEGINNING) and event.direction is COMPENSATION:
        assert not ledger.held


def s6_steps_wait_for_those_before_them(ledger: Ledger, event: ev.Event, told: HintTarget) -> None:
    if isinstance(event, _BEGINNING) and event.direction is ACTION:
        assert all(map(ledger.is_passed, ledger.before[event.step]))


def s6_compensations_come_in_reverse(ledger: Ledger, event: ev.Event, told: HintTarget) -> None:
    if isinstance(event, _BEGINNING) and event.direction is COMPENSATION:
        if ledger.steps[event.step].is_stuck:
            return  # again, because a person said so
        for name in ledger.after[event.step]:
            later = ledger.steps[name]
            is_past = later.is_undone or later.is_stuck or later.was_helped
            assert is_past or not ledger.must_be_undone(name), name


def s6_what_is_left_to_a_person_is_named(ledger: Ledger, event: ev.Event, told: HintTarget) -> None:
    if isinstance(event, ev.SagaFailed):
        left = {
            name
            for name, story in ledger.steps.items()
            if (story.is_stuck if ledger.has_turned else story.has_failed)
        }
        assert left
        assert set(event.left) == left
        assert not any(story.is_in_motion for story in ledger.steps.values())


def s7_there_is_no_way_back_after_the_pivot(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, ev.SagaCompensating) and not ledger.has_turned:
        assert not ledger.no_way_back()


def s10_parallel_branches_never_write_one_key(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, ev.StepSucceeded | ev.StepChildren) and event.direction is ACTION:
        changes = event.changes if isinstance(event, ev.StepSucceeded) else event.adds or {}
        for name in ledger.beside[event.step]:
            assert not ledger.steps[name].wrote & set(changes), name


def r9_nothing_starts_after_the_turn(ledger: Ledger, event: ev.Event, told: HintTarget) -> None:
    begins = isinstance(event, WORKING) and event.direction is ACTION
    if begins or (isinstance(event, ev.StepChildren) and event.started > 0):
        assert not ledger.has_turned


def r13_a_wait_is_given_one_signal(ledger: Ledger, event: ev.Event, told: HintTarget) -> None:
    if isinstance(event, ev.SagaSignalled) and event.name in ledger.steps:
        wait, story = ledger.saga.by_name[event.name], ledger.steps[event.name]
        assert isinstance(wait, WaitFor)
        assert event.collected is wait.collect
        assert not has_all_signals(wait, story.signals)
        assert event.key not in story.keys
    elif isinstance(event, ev.StepSucceeded) and event.changes:
        wait, came = ledger.saga.by_name[event.step], ledger.steps[event.step].signals
        if isinstance(wait, WaitFor):
            assert event.changes == {event.step: came if wait.collect else came[0]}


def s14_no_step_loses_more_than_one_attempt_to_others(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, ev.StepClaimed):
        assert not (event.together and ledger.steps[event.step].goes_alone)
    if not isinstance(event, ev.StepRetrying | ev.StepFailed):
        return
    story, fact = ledger.steps[event.step], told.fact
    progress = fact.progress if isinstance(fact, Lost) and fact.step == event.step else None
    if progress is Progress.NOT_BEGUN:
        expected = FailureKind.REJECTED if _is_over(event) else FailureKind.LATER
        assert (event.failure.kind, event.effect) == (expected, story.effect)
    if isinstance(event, ev.StepRetrying):
        has_died = progress is not Progress.NOT_BEGUN and event.failure.error in DEATHS
        is_own = progress is Progress.RUNNING
        assert event.counts == (not has_died or is_own or not story.is_together)
        assert event.alone == (has_died and (is_own or story.is_together))
        assert event.counts or not story.goes_alone, "once at most"


def _is_over(event: ev.StepRetrying | ev.StepFailed) -> bool:
    """Whether it ends a poll whose time is over, whatever became of its last ask."""
    return event.failure.error == "PollTimeout"


def r18_attempts_are_as_many_as_the_policy_says(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    step = ledger.saga.by_name[event.step] if isinstance(event, _FAILING) else None
    if not isinstance(event, _FAILING) or not isinstance(step, SagaStep):
        return
    story = ledger.steps[event.step]
    if _is_over(event):
        assert isinstance(step, Poll)
        assert story.since is not None
        assert story.since + as_timedelta(step.timeout or 0) <= told.now
        return
    policy = ledger.saga.policy(step, event.direction)
    key = idempotency_key("s-1", event.step, event.direction)
    is_held_back = event.failure.kind is FailureKind.LATER
    delay = HELD_BACK.delay(story.not_counted + 1, key) if is_held_back else None
    if is_held_back and isinstance(told.fact, Failed) and told.fact.wait is not None:
        delay = timedelta(seconds=told.fact.wait)
    due_at = told.now + (delay or policy.delay(story.counted, key))
    counted = story.counted - (is_held_back or _is_uncounted(story, policy, event, told.fact))
    assert story.since is not None
    expected = (
        event.failure.kind in REPEATED
        and not (isinstance(told.fact, Failed) and told.fact.final)
        and policy.allows(counted, due_at - story.since)
        and not (event.direction is ACTION and ledger.has_turned)
    )
    assert isinstance(event, ev.StepRetrying) == expected
    assert not isinstance(event, ev.StepRetrying) or event.due_at == due_at


def _is_uncounted(story: Story, policy: Retry, event: ev.Event, fact: object) -> bool:
    """S14: whether the process of an attempt beside others died, and not by its own action."""
    if not isinstance(event, _FAILING) or event.failure.error not in DEATHS:
        return False
    is_own = isinstance(fact, Lost) and fact.progress is Progress.RUNNING
    return story.is_together and not is_own and policy.max_attempts != 1


def waits_last_their_time(ledger: Ledger, event: ev.Event, told: HintTarget) -> None:
    if not isinstance(event, _SETTLING):
        return
    step, until = ledger.saga.by_name[event.step], ledger.steps[event.step].until
    if isinstance(step, Sleep):
        assert until is not None
        assert until <= told.now
    elif isinstance(step, WaitFor) and not has_all_signals(step, ledger.steps[event.step].signals):
        assert until is not None
        assert until <= told.now
        assert isinstance(event, ev.StepFailed) == (step.on_timeout == "fail")


def leases_last_their_time(ledger: Ledger, event: ev.Event, told: HintTarget) -> None:
    if isinstance(event, ev.StepClaimed):
        step = ledger.saga.claimed_step(event.step)
        assert step is not None
        assert event.lease_until - told.now > timedelta(seconds=10)
    if isinstance(event, _FAILING) and event.failure.error == "LeaseExpired":
        lease_until = ledger.steps[event.step].lease_until
        assert lease_until is not None
        assert lease_until <= told.now


def nothing_starts_while_it_may_not(ledger: Ledger, event: ev.Event, told: HintTarget) -> None:
    """Not while it is paused or blocked, nor before its time."""
    starts_a_child = isinstance(event, ev.StepChildren) and event.started > 0
    if starts_a_child or isinstance(event, ev.StepScheduled | ev.StepClaimed):
        assert not ledger.paused
    if isinstance(event, WORKING) and event.direction is ACTION:
        start_at = ledger.started.start_at
        assert not ledger.paused
        assert not ledger.blocked
        assert start_at is None or start_at <= told.now


EVENT_CLAUSES: Final[tuple[Clause, ...]] = (
    *CONSTRUCT_CLAUSES,
    *GROWTH_CLAUSES,
    s1_each_claim_has_the_next_fence,
    s2_each_attempt_settles_once,
    s3_what_is_completed_never_turned_back,
    s4_an_effect_is_the_strongest_so_far,
    s4_only_what_may_have_happened_is_undone,
    s4_whatever_may_have_happened_is_undone,
    s4_a_step_is_as_far_as_all_its_children,
    s5_actions_settle_before_anything_is_undone,
    s5_a_child_waits_for_its_parent_to_go_back,
    s6_steps_wait_for_those_before_them,
    s6_compensations_come_in_reverse,
    s6_what_is_left_to_a_person_is_named,
    s7_there_is_no_way_back_after_the_pivot,
    s10_parallel_branches_never_write_one_key,
    r9_nothing_starts_after_the_turn,
    r13_a_wait_is_given_one_signal,
    s14_no_step_loses_more_than_one_attempt_to_others,
    r18_attempts_are_as_many_as_the_policy_says,
    waits_last_their_time,
    leases_last_their_time,
    nothing_starts_while_it_may_not,
)
