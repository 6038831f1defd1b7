"""What decisions may cost, counted and not timed: bytecode instructions and bytes.

What is counted is what `make bench-decide` times. The bounds are about a quarter above what it took
when they were written. One that is passed says that something is computed twice, copied in vain, or
walks all steps once more: find it, or say in the commit why the machine has to do more.
"""

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import pytest

from bench.decide import calls, saga

BUDGET: Final = {
    "whole run": 1_920,
    "Claim": 1_200,
    "Succeeded": 2_520,
    "goes on": 4_100,
    "Failed, and again": 2_090,
    "Succeeded, late": 1_160,
    "Woken, for nothing": 1_170,
    "wake_at": 225,
    "read": 1_600,
    "write": 860,
}
"""Instructions of a saga of five steps; those that are written in Python, without json's own in C.
The means of all decisions, for `whole run`."""

FOR_EACH_STEP: Final = {"Claim": 0, "Succeeded": 90, "Failed, and again": 90}
"""Instructions more for each step that is done already."""

BYTES: Final = {"Claim": 2_300, "Succeeded": 2_700, "goes on": 4_200}
"""What a decision takes at most of the memory at a time, itself included."""


@pytest.mark.parametrize("events", [10, 1000])
def test_a_decision_stays_within_its_budget_whatever_its_history(events: int) -> None:
    took = instructions_of(5, events)
    assert took.keys() == BUDGET.keys()
    assert {what: count for what, count in took.items() if count > BUDGET[what]} == {}


def test_a_decision_costs_the_same_after_ten_events_and_after_a_thousand() -> None:
    assert instructions_of(5, 10) == instructions_of(5, 1000)


def test_steps_that_are_done_cost_a_glance() -> None:
    few, many = instructions_of(5, 10), instructions_of(105, 10)
    more = {what: (many[what] - few[what]) / 50 for what in FOR_EACH_STEP}  # half of them are done
    assert {what: each for what, each in more.items() if each > FOR_EACH_STEP[what]} == {}


@pytest.mark.parametrize("events", [10, 1000])
def test_a_decision_takes_no_more_memory_than_its_budget(events: int) -> None:
    took = {what: peak_of(call) for what, call, _ in calls(saga(5), events) if what in BYTES}
    assert {what: size for what, size in took.items() if not 0 < size <= BYTES[what]} == {}


def instructions_of(steps: int, events: int) -> dict[str, int]:
    """What each of the benchmark's calls takes, in a saga of so many steps with such a history."""
    return {what: instructions(call) // parts for what, call, parts in calls(saga(steps), events)}


def instructions(call: Callable[[], object]) -> int:
    """How many bytecode instructions `call` executes, in all functions that it calls."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # arms it for the frames below, from Python 3.12 on
    sys.settrace(trace)
    try:
        call()  # what is computed once is not counted, and 3.13 needs a call to begin to count
        count = 0
        call()
    finally:
        sys.settrace(before)
    return count


def peak_of(call: Callable[[], object]) -> int:
    """How many bytes more than before were taken at a time while `call` ran."""
    call()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
