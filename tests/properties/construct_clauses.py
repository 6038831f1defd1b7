"""The clauses that events of choices and of accepted refusals are held to."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sagas.machine import (
    Effect,
    ExecutionState,
    Fact,
    Failed,
    FailureKind,
    FirstOf,
    Outcome,
    Reminded,
    Repeat,
    Verdict,
    WaitFor,
)
from sagas.machine import events as ev
from sagas.machine.parameters import as_timedelta
from tests.machine.conversation import ACTION
from tests.properties.ledger import Ledger


@dataclass(frozen=True, slots=True)
class HintTarget:
    """A fact (None: the start), what it found, and the verdict that the contract demands of it, if
    it demands one."""

    fact: Fact | None
    before: ExecutionState | None
    now: datetime
    expected: Verdict | None


Clause = Callable[[Ledger, ev.Event, HintTarget], None]
WORKING: Final = (ev.StepScheduled, ev.StepWaiting, ev.StepClaimed)


def s3_a_choice_takes_the_way_that_the_context_says(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, ev.SagaChose):
        assert event.choice not in ledger.chosen
        choice = ledger.saga.choices[event.choice]
        if isinstance(choice, FirstOf):
            done = [name for name in choice.ways if ledger.steps[name].is_done]
            assert event.way == done[0]
            waits = [ledger.saga.by_name[name] for name in choice.ways if name not in done]
            many = [each.name for each in waits if isinstance(each, WaitFor) and each.collect]
            lists = {name: ledger.steps[name].signals for name in many}
            assert event.changes == {event.choice: event.way, **lists}
            return
        value: Any = ledger.context
        for key in choice.on.split("."):
            value = value[key] if isinstance(value, dict) and key in value else Ellipsis
        fits = {
            "true": value is not Ellipsis and bool(value),
            "present": value not in (None, Ellipsis),
            "1 … 5": type(value) is int and 1 <= value < 5,
        }
        for way in choice.ways:
            if way == "otherwise" or fits.get(way, way == _json(value)):
                assert event.way == way
                return
        assert event.way == ""


def _json(value: object) -> str:
    return "" if value is Ellipsis else json.dumps(value)


def s4_a_way_that_was_not_taken_is_never_begun(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if isinstance(event, WORKING):
        for choice, way in ledger.saga.ways_to.get(event.step, ()):
            is_first_of = isinstance(ledger.saga.choices[choice], FirstOf)
            assert ledger.chosen.get(choice, way if is_first_of else None) == way


def s4_only_what_left_nothing_is_taken_for_an_answer(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if not isinstance(event, ev.StepRefused):
        return
    story = ledger.steps[event.step]
    if ledger.is_family(event.step):
        assert story.heard.get(Outcome.UNDONE, 0) == len(story.children)
    else:
        assert story.effect is Effect.NONE
        assert isinstance(told.fact, Failed)
        assert told.fact.accepted
        assert told.fact.failure.kind is FailureKind.REJECTED
    why = {"error": event.failure.error, "message": event.failure.message}
    assert event.changes == {f"{event.step}_failed": why}


def s3_rounds_end_when_the_context_says_so(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if not isinstance(event, ev.StepChildren | ev.StepSucceeded) or event.direction is not ACTION:
        return
    step, story = ledger.saga.by_name[event.step], ledger.steps[event.step]
    if not isinstance(step, Repeat):
        return
    if isinstance(event, ev.StepSucceeded):
        is_over = step.is_over({**ledger.context, **event.changes})
        assert is_over or (len(story.children) == step.most and step.on_most == "continue")
    elif event.started > 0:
        assert len(story.children) < step.most
        assert not story.children or not step.is_over(ledger.context)


def s5_a_reminder_is_sent_only_while_it_is_waited_and_when_it_is_due(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if not isinstance(event, ev.StepReminded):
        return
    story = ledger.steps[event.step]
    assert isinstance(told.fact, Reminded)
    assert event.failure == told.fact.failure
    assert story.waits is ACTION
    assert not ledger.paused
    assert not ledger.has_turned
    assert event.number == story.reminded + 1
    assert story.remind_at is not None
    assert story.remind_at <= told.now


def l1_the_next_reminder_is_due_an_interval_from_now(
    ledger: Ledger, event: ev.Event, told: HintTarget
) -> None:
    if not isinstance(event, ev.StepWaiting | ev.StepReminded):
        return
    wait = ledger.saga.by_name[event.step]
    remind = wait.remind if isinstance(wait, WaitFor) else None
    sent = event.number if isinstance(event, ev.StepReminded) else ledger.steps[event.step].reminded
    if remind is None or sent >= remind.most:
        assert event.remind_at is None
    else:
        assert event.remind_at == told.now + as_timedelta(remind.every)


CONSTRUCT_CLAUSES: Final[tuple[Clause, ...]] = (
    s3_a_choice_takes_the_way_that_the_context_says,
    s4_a_way_that_was_not_taken_is_never_begun,
    s4_only_what_left_nothing_is_taken_for_an_answer,
    s3_rounds_end_when_the_context_says_so,
    s5_a_reminder_is_sent_only_while_it_is_waited_and_when_it_is_due,
    l1_the_next_reminder_is_due_an_interval_from_now,
)
