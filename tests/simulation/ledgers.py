"""The engine's rows against the participants' own books, once everything has landed."""

from collections.abc import Iterator

from sagas.machine import Direction, Effect, ExecutionStatus, StepStatus
from sagas.machine.context import idempotency_key
from tests.simulation.history import Story
from tests.simulation.participants import Participants


def discrepancies(story: Story, books: Participants) -> Iterator[str]:
    """What the books of the participants have against the execution's end."""
    status = story.state.status
    left = _left(story)
    claimed = {step.name: None for step in story.design.saga.claimed_steps}
    for name in claimed.keys() - story.design.polls:  # those only ask
        key = idempotency_key(story.saga_id, name, Direction.ACTION)
        done, undone = books.done[key], books.undone[key]
        step = story.state.step(name)
        about = f"{name} was done {done} times and undone {undone} times"
        if step.effect is Effect.NONE and done:
            yield f"S4: {about}, and is said to have had no effect"
        if step.effect is Effect.APPLIED and done != 1:
            yield f"S4: {about}, and is said to have had one effect"
        answer = story.state.context.get(name)
        if status is ExecutionStatus.COMPLETED and answer != books.answers.get(key):
            yield f"S10: the context says {answer} of {name}, which answered otherwise"
        times = int(name not in story.design.left_out)
        if status is ExecutionStatus.COMPLETED and (done, undone) != (times, 0):
            yield f"S3: completed, and {about}"
        if name not in story.design.undone and undone:
            yield f"S4: {about}, and has no compensation"
        has_turned = status is not ExecutionStatus.COMPLETED and _has_turned_back(story)
        if has_turned and name in story.design.undone and name not in left and done != undone:
            yield f"S4: {status}, and {about}"
        if step.status is StepStatus.COMPENSATED and done != undone:
            yield f"S4: {about}, and is said to be compensated"
        if status is ExecutionStatus.FAILED and not has_turned and undone:
            yield f"S7: failed on the way forward, and {about}"


def misnamed(story: Story) -> Iterator[str]:
    """A failed saga names exactly the steps that gave up in the direction in which it went."""
    if story.state.status is not ExecutionStatus.FAILED:
        return
    gave_up = StepStatus.COMPENSATION_FAILED if _has_turned_back(story) else StepStatus.FAILED
    stuck = {name for name, step in story.state.steps.items() if step.status is gave_up}
    if stuck != _left(story) or not stuck:
        yield f"S6: {sorted(stuck)} gave up, and the event names {sorted(_left(story))}"


def _left(story: Story) -> set[str]:
    return {name for event in story.events if event.type == "saga.failed" for name in event.left}


def _has_turned_back(story: Story) -> bool:
    return any(event.type == "saga.compensating" for event in story.events)
