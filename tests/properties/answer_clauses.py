"""The clauses of the contract that each answer is held to, after its events are in the ledger."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sagas.machine import (
    AT_REST,
    TERMINAL,
    Amend,
    Cancel,
    ChildrenMoved,
    Claim,
    Decision,
    Direction,
    ExecutionStatus,
    ForEach,
    Options,
    Outcome,
    ParentCommand,
    ParentCommanded,
    Pause,
    Resolve,
    Resume,
    Signal,
    Skip,
    StepState,
    StepStatus,
    TryAgain,
    Verdict,
    WaitFor,
    Woken,
    agrees,
    hints,
    wake_at,
)
from sagas.machine import events as ev
from tests.machine.conversation import ACTION, COMPENSATION
from tests.properties.construct_clauses import HintTarget
from tests.properties.ledger import Ledger, due_now

Clause = Callable[[Ledger, HintTarget, Decision], None]
LET_GO: Final = (ParentCommand.RELEASE, ParentCommand.WITHDRAW)
_GOING_FORWARD = (ExecutionStatus.PENDING, ExecutionStatus.RUNNING)
_WITH_REASONS = Cancel | Pause | Resume | TryAgain | Skip | Resolve | Amend | Signal | ChildrenMoved


def s1_r13_s7_the_verdict_is_the_one_demanded(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    assert told.expected in (None, decision.verdict), f"{told.expected} is demanded"


def s1_a_late_report_is_recorded_and_changes_nothing(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    if decision.verdict is not Verdict.LATE:
        return
    assert told.before is not None
    first, *others = [recorded.event for recorded in decision.events]
    assert isinstance(first, ev.StepLate)
    if others:  # its deadline had come before
        assert isinstance(others[0], ev.SagaCompensating)
        assert others[0].because == "the deadline"
    else:
        assert decision.state == replace(told.before, last_seq=decision.state.last_seq)


def r6_what_is_refused_or_repeated_changes_nothing(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    if decision.verdict in (Verdict.REFUSED, Verdict.REPEATED):
        assert decision.state == told.before
        assert (decision.events, decision.starts, decision.child_commands) == ((), (), ())
        if decision.verdict is Verdict.REFUSED and isinstance(told.fact, _WITH_REASONS):
            assert decision.reason


def s3_the_end_absorbs(ledger: Ledger, told: HintTarget, decision: Decision) -> None:
    before = told.before
    if before is None or before.status not in TERMINAL:
        return
    is_undone_by_parent = (
        told.fact == ParentCommanded(ParentCommand.UNDO)
        and ledger.started.held
        and before.status is ExecutionStatus.COMPLETED
    )
    if not is_undone_by_parent:
        assert {recorded.event.type for recorded in decision.events} <= {"step.late"}
        assert decision.state.status is before.status


def s8_events_are_numbered_and_folding_them_gives_the_row(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    first = 1 if told.before is None else told.before.last_seq + 1
    numbers = [recorded.seq for recorded in decision.events]
    assert numbers == list(range(first, first + len(numbers)))
    assert ledger.folded is not None
    assert agrees(ledger.folded, decision.state)
    assert ledger.count == decision.state.last_seq
    if decision.events:
        assert decision.events[-1].status is decision.state.status


def s8_the_row_is_what_the_events_said(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    for name, step in decision.state.steps.items():
        if told.before is not None and told.before.steps.get(name) is step:
            continue
        story = ledger.steps[name]
        assert (step.effect, step.fence, step.reported) == (
            story.effect,
            story.fence,
            story.reported,
        )
        assert [step.attempts_of(direction) for direction in Direction] == [
            story.tries[direction] for direction in Direction
        ]
        assert set(step.wrote) == story.wrote
        assert (step.direction is not None) == story.is_in_motion
        assert (step.status is StepStatus.COMPENSATED) == story.is_undone


def s8_rows_read_back_as_they_were(ledger: Ledger, told: HintTarget, decision: Decision) -> None:
    for name, step in decision.state.steps.items():
        if told.before is None or told.before.steps.get(name) is not step:
            assert StepState.from_json(json.loads(json.dumps(step.to_json()))) == step
    options = decision.state.options
    if told.before is None or told.before.options is not options:
        assert Options.from_json(json.loads(json.dumps(options.to_json()))) == options


def s10_only_what_was_changed_is_merged(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    assert decision.state.context == ledger.context


def l1_somebody_is_woken_for_whatever_is_not_at_rest(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    """As it is saved, which it is if there are events, or when it is looked at."""
    if not decision.events and not isinstance(told.fact, Woken):
        return
    status = decision.state.status
    if wake_at(decision.state, told.now, 0) is not None:
        assert status not in AT_REST
        return
    in_motion = [name for name, story in ledger.steps.items() if story.is_in_motion]
    waits_for_signals = in_motion and all(_waits_for_a_signal(ledger, name) for name in in_motion)
    nothing_comes = ledger.started.deadline is None or ledger.no_way_back()
    assert status in AT_REST or ledger.paused or (waits_for_signals and nothing_comes)


def _waits_for_a_signal(ledger: Ledger, name: str) -> bool:
    """Alone: there is no time that ends it, and no item is at work or has to be undone."""
    step, story = ledger.saga.by_name[name], ledger.steps[name]
    if isinstance(step, ForEach) and step.grows_by and not story.is_closed:
        done = (Outcome.COMPLETED, Outcome.FINAL, Outcome.UNDONE)
        return story.waits is ACTION and story.total == sum(story.heard.get(o, 0) for o in done)
    return isinstance(step, WaitFor) and story.until is story.remind_at is None


def l2_a_look_ends_what_is_over(ledger: Ledger, told: HintTarget, decision: Decision) -> None:
    if isinstance(told.fact, Woken):
        for name, story in ledger.steps.items():
            assert story.lease_until is None or story.lease_until > told.now, name
            assert not story.waits or story.until is None or story.until > told.now, name


def r1_r2_hints_name_what_may_be_claimed(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    due = hints(decision.state, told.now)
    assert {(hint.step, hint.direction, hint.fence) for hint in due} == due_now(ledger, told.now)
    assert set(decision.hints) <= set(due)
    if isinstance(told.fact, Woken | Resume):
        assert set(decision.hints) == set(due)


def r9_a_turn_halts_the_children_at_work(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    for name, story in ledger.steps.items():
        if story.children and story.waits is ACTION:
            must = ledger.has_turned or ledger.has_failed(name)
            assert story.is_halted == must, name


def s6_whatever_may_begin_has_begun(ledger: Ledger, told: HintTarget, decision: Decision) -> None:
    """Branches side by side, in either direction."""
    if decision.verdict is not Verdict.ACCEPTED or isinstance(told.fact, Claim) or ledger.paused:
        return
    status, start_at = decision.state.status, ledger.started.start_at
    has_come = start_at is None or start_at <= told.now
    if status in _GOING_FORWARD and not ledger.blocked and has_come:
        for name, story in ledger.steps.items():
            if all(map(ledger.is_passed, ledger.before[name])):
                is_settled = ledger.is_passed(name) or story.has_failed
                assert is_settled or story.is_in_motion, name
    elif status is ExecutionStatus.COMPENSATING and not ledger.held and ledger.has_settled():
        for name, story in ledger.steps.items():
            if all(ledger.is_past(later) for later in ledger.after[name]):
                assert ledger.is_past(name) or story.is_in_motion, name


def s6_children_are_told_to_undo_by_their_step(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    for recorded in decision.events:
        event = recorded.event
        if isinstance(event, ev.StepWaiting) and event.direction is COMPENSATION:
            if isinstance(told.fact, ChildrenMoved) and told.fact.step == event.step:
                continue  # its children move already: a person acted on them
            commands = {tell.command for tell in decision.child_commands if tell.step == event.step}
            undoing = commands & {ParentCommand.UNDO, ParentCommand.RETRY}
            assert len(undoing) == 1 or (undoing and ledger.tolerates(event.step))


def no_child_is_told_to_start_again_while_paused(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    if ledger.paused:
        assert not decision.starts
        assert not {tell.command for tell in decision.child_commands} & {
            ParentCommand.UNDO,
            ParentCommand.RETRY,
            *LET_GO,
        }


def s3_items_are_let_go_only_where_the_saga_goes_on_without_them(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    for tell in decision.child_commands:
        if tell.command in LET_GO:
            assert tell.step is not None
            assert ledger.tolerates(tell.step)
            assert not ledger.has_turned
            step, heard = ledger.saga.by_name[tell.step], ledger.steps[tell.step].heard
            done = heard.get(Outcome.COMPLETED, 0) + heard.get(Outcome.FINAL, 0)
            enough = step.enough if isinstance(step, ForEach) else None
            assert (done >= enough) if enough else tell.command is ParentCommand.RELEASE


def each_child_is_started_once_and_few_at_a_time(
    ledger: Ledger, told: HintTarget, decision: Decision
) -> None:
    for start in decision.starts:
        story, step = ledger.steps[start.step], ledger.saga.by_name[start.step]
        assert start.first == len(story.children)
        started = start.first + start.count
        assert started <= story.total
        items = ledger.items_of(start.step, decision.state.context)
        assert len(items) == story.total, "the list must not change while its items are at work"
        handed, story.handed = story.handed, []
        assert [(signal.name, signal.payload) for signal in start.signals] == handed, "R13"
        limit = step.max_concurrency if isinstance(step, ForEach) else 1
        assert limit is None or started - sum(story.heard.values()) <= limit


def a_deadline_turns_it_back(ledger: Ledger, told: HintTarget, decision: Decision) -> None:
    deadline = ledger.started.deadline
    if deadline is None or deadline > told.now or ledger.paused:
        return
    if decision.verdict is Verdict.ACCEPTED and not isinstance(told.fact, Claim):
        assert ledger.no_way_back() or decision.state.status not in _GOING_FORWARD


ANSWER_CLAUSES: Final[tuple[Clause, ...]] = (
    s1_r13_s7_the_verdict_is_the_one_demanded,
    s1_a_late_report_is_recorded_and_changes_nothing,
    r6_what_is_refused_or_repeated_changes_nothing,
    s3_the_end_absorbs,
    s8_events_are_numbered_and_folding_them_gives_the_row,
    s8_the_row_is_what_the_events_said,
    s8_rows_read_back_as_they_were,
    s10_only_what_was_changed_is_merged,
    l1_somebody_is_woken_for_whatever_is_not_at_rest,
    l2_a_look_ends_what_is_over,
    r1_r2_hints_name_what_may_be_claimed,
    r9_a_turn_halts_the_children_at_work,
    s6_whatever_may_begin_has_begun,
    s6_children_are_told_to_undo_by_their_step,
    no_child_is_told_to_start_again_while_paused,
    s3_items_are_let_go_only_where_the_saga_goes_on_without_them,
    each_child_is_started_once_and_few_at_a_time,
    a_deadline_turns_it_back,
)
