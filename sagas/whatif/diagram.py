"""`docs/states.md`, drawn from the tables in `states`; `make docs` writes it, a test compares."""

from collections.abc import Iterable, Iterator

from sagas.machine.states import (
    EXECUTION_MOVES,
    STEP_MOVES,
    TERMINAL,
    WITHDRAWN_AFTER_TRY,
    Direction,
    ExecutionStatus,
    StepStatus,
)

Arrow = tuple[str, str, str]
"""From, to, and the type of the event that leads there."""

_PAGE = """\
# The states

Made by `make docs` from the tables in `sagas/machine/states.py`; do not edit.

## An execution

{execution}

`failed` means that the saga has stopped and needs a person: a compensation gave up, or a step
after the pivot did. Only an operator's action (retry, skip, resolve) leads out of it. `completed`
is left only by the child of another saga, when its parent turns back.

## A step

A withdrawn step becomes `pending` again if it was never tried, and `{withdrawn}` if it was.

{step}
"""


def states_page() -> str:
    """The whole page, as Markdown with Mermaid diagrams."""
    step_arrows = list(_step_arrows())
    ends = sorted(status.value for status in TERMINAL)
    return _PAGE.format(
        execution=_mermaid(ExecutionStatus.PENDING, _execution_arrows(), ends),
        step=_mermaid(StepStatus.PENDING, step_arrows, []),
        withdrawn=WITHDRAWN_AFTER_TRY.value,
    )


def _execution_arrows() -> Iterator[Arrow]:
    for event, (before, after) in EXECUTION_MOVES.items():
        for status in sorted(before):
            yield status.value, after.value, event


def _step_arrows() -> Iterator[Arrow]:
    for direction in Direction:
        for event, (before, after) in STEP_MOVES[direction].items():
            for status in sorted(before):
                yield status.value, after.value, event
                if event == "step.withdrawn" and status is StepStatus.SCHEDULED:
                    yield status.value, WITHDRAWN_AFTER_TRY.value, event


def _mermaid(first: str, arrows: Iterable[Arrow], ends: Iterable[str]) -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
    lines += [f"    {before} --> {after}: {event}" for before, after, event in arrows]
    lines += [f"    {end} --> [*]" for end in ends]
    return "\n".join([*lines, "```"])


if __name__ == "__main__":
    print(states_page(), end="")
