"""The contract's table of races: how often each did occur. What was seen counts, not what was set
up.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sagas.machine import Direction, ExecutionStatus, StepStatus
from sagas.machine import events as ev
from tests.simulation.history import Settled, Story, in_flight_at_each
from tests.simulation.participants import Participants
from tests.simulation.people import Intent

ACTION = Direction.ACTION

RACES: Final = {
    "R1": "a claim was refused, because another message for it had won before",
    "R2": "a hint was lost, purged or not taken, and the step was claimed all the same",
    "R3": "killed between commit and publish, and the step was claimed all the same",
    "R4 before": "killed in the action before its effect; the lease ended, and it was possible",
    "R4 after": "killed in the action after its effect; the lease ended, and it was possible",
    "R5": "a result came after its claim was shut out, and was recorded as late",
    "R6 claim, committed": "a claim was committed, its worker told otherwise, and went on with it",
    "R6 claim, not committed": "a claim was lost with the connection, and made anew",
    "R6 report, committed": "a report was committed, its worker told otherwise, and then told so",
    "R6 report, not committed": "a report was lost with the connection, and made anew",
    "R7 the cancel first": "cancelled while the last step ran, which then succeeded in vain",
    "R7 the success first": "the last step succeeded, and the cancel was refused",
    "R8": "cancelled while a step ran",
    "R9": "a branch gave up while siblings ran",
    "R10": "the last two branches that ran finished one right after the other, and joined",
    "R11": "two branches that ran together gave up",
    "R12": "a success came after its step was given up, and the saga has turned back",
    "R14 two loops": "two wake loops found the same execution due; one handled it",
    "R14 a loop and a worker": "a wake loop found an execution due that somebody was at work on",
    "R17": "a result could not be stored",
    "R18": "a step killed its worker at each of its attempts, and gave up",
    "S14 not begun": "its process died before it was begun, and that counted for nothing",
    "S14 ran": "its process died after it had run, at another saga's action or between two",
    "S14 running": "its process died in it",
    "runs on": "a step was claimed with the report of the one before it, in one statement",
    "runs on, in doubt": "that statement was lost with the connection, and its worker went on",
    "reports together": "what was done for several sagas was reported in one statement",
    "reports together, in doubt": "that statement was lost with the connection, and all of it was "
    "reported one by one",
    "R20": "a forged message claimed in vain",
    "R26": "a worker with other steps under the same version left a claim alone",
    "R26 an operator": "an operator's process with other steps refused to act, and said why",
    "R21": "what waited behind a full queue was made due once that was free",
    "R22": "a session was of no use, and what was asked was done over another one",
    "R23": "an action left a transaction open",
}

ELSEWHERE: Final = "Not simulated, but tested elsewhere: R13, R15, R16, R19."


def unseen(races: Counter[str]) -> list[str]:
    """The races that did not occur, though they can."""
    return [race for race in RACES if not races[race]]


def seen_in(story: Story, participants: Participants, refused: Iterable[Intent]) -> Iterator[str]:
    """The races that a history tells of. `refused` are the cancels that came too late."""
    yield from _kills(story, participants)
    yield from _cancels_too_late(story, refused)
    yield from _late_results(story)
    yield from _turns(story)
    yield from _branches_together(story)
    for event in story.events:
        failed = isinstance(event, ev.StepRetrying | ev.StepFailed)
        if failed and event.failure.error == "NotStorable":
            yield "R17"


def _kills(story: Story, participants: Participants) -> Iterator[str]:
    ended = {
        (event.step, event.direction, event.attempt): event
        for event in story.events
        if isinstance(event, ev.StepRetrying | ev.StepFailed) and not event.reported
    }
    for call, moment in participants.kills.get(story.saga_id, []):
        request = call.request
        end = ended.get((request.step, request.direction, call.attempt))
        if end is None or end.effect == "none":
            continue
        yield f"R4 {moment}"
        if request in participants.flaws.poisoned and isinstance(end, ev.StepFailed):
            most = story.design.most_attempts[request.step, request.direction]
            if call.attempt == most > 1:
                yield "R18"


def _late_results(story: Story) -> Iterator[str]:
    given_up: set[str] = set()
    for event in story.events:
        if isinstance(event, ev.StepFailed) and event.direction is ACTION:
            given_up.add(event.step)
        if not isinstance(event, ev.StepLate):
            continue
        yield "R5"
        is_covered = story.state.step(event.step).status is StepStatus.COMPENSATED
        if event.succeeded and event.direction is ACTION and event.step in given_up and is_covered:
            yield "R12"


def _turns(story: Story) -> Iterator[str]:
    was_cancelled = False
    for index, (event, held) in enumerate(in_flight_at_each(story, ACTION)):
        if event.type == "saga.cancelled":
            was_cancelled = True
            if held:
                yield "R8"
            if _is_last_step(story, index, held):
                yield "R7 the cancel first"
        if event.type == "saga.compensating" and held and not was_cancelled:
            yield "R9"


def _cancels_too_late(story: Story, refused: Iterable[Intent]) -> Iterator[str]:
    """Those that were decided when nothing but the last step ran, which then succeeded."""
    if story.state.status is not ExecutionStatus.COMPLETED:
        return
    of_actions = [
        (at, event)
        for at, event in zip(story.times, story.events, strict=True)
        if isinstance(event, ev.StepClaimed | Settled)
    ]
    if len(of_actions) < 2:  # it ended at its birth
        return
    (began_at, claimed), (ended_at, ended) = of_actions[-2:]
    if isinstance(claimed, ev.StepClaimed) and claimed.step == ended.step:
        for intent in refused:
            if intent.saga_id == story.saga_id and began_at <= intent.decided_at <= ended_at:
                yield "R7 the success first"


def _is_last_step(story: Story, index: int, held: dict[str, Any]) -> bool:
    """Whether only one step was left, and running, and then succeeded in vain."""
    done = {step for step, _ in _successes(story.events[:index])}
    then = {step for step, _ in _successes(story.events[index:])}
    everything = story.design.saga.by_name.keys() - story.design.left_out
    return len(held) == 1 and done | set(held) == everything and set(held) <= then


def _branches_together(story: Story) -> Iterator[str]:
    concurrent = story.design.saga.concurrent
    beside: dict[str, set[str]] = {}  # step that gave up → the branches that ran then
    for index, (event, held) in enumerate(in_flight_at_each(story, ACTION)):
        if isinstance(event, ev.StepFailed) and event.direction is ACTION:
            if any(event.step in running for running in beside.values()):
                yield "R11"
            beside[event.step] = set(held) & concurrent[event.step]
        if len(held) == 2 and _is_join(story, story.events[index : index + 3], set(held)):
            yield "R10"


def _is_join(story: Story, events: list[Any], running: set[str]) -> bool:
    """Whether the two that run succeed one after the other, and what follows waited for both."""
    if {step for step, _ in _successes(events[:2])} != running or len(events) < 3:
        return False
    first, second = sorted(running)
    if second not in story.design.saga.concurrent[first]:
        return False
    then = events[2]
    if isinstance(then, ev.StepScheduled):
        return {(first, then.step), (second, then.step)} <= story.design.order
    return then.type == "saga.completed"


def _successes(events: list[Any]) -> Iterator[tuple[str, Settled]]:
    for event in events:
        if isinstance(event, ev.StepSucceeded) and event.direction is ACTION:
            yield event.step, event
