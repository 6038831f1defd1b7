"""Names within one saga: of its steps and choices, and of the signals that its steps take."""

from collections import Counter
from collections.abc import Sequence

from sagas.machine.family_steps import Step, signals_of
from sagas.machine.parameters import DefinitionError
from sagas.machine.tree import Choice


def require_own_names(owner: str, named: Sequence[Step | Choice]) -> None:
    """Raises `DefinitionError` for a name that two of them have."""
    for name, times in Counter(each.name for each in named).items():
        if times > 1:
            raise DefinitionError(
                f"{owner}: {times} steps are named {name!r}. A step's name is its key at the "
                f"participant: give each its own."
            )


def signal_steps(owner: str, steps: Sequence[Step], choices: Sequence[Choice]) -> dict[str, Step]:
    """Signal → step. Raises `DefinitionError` for a name that something else has, too."""
    named = {each.name for each in (*steps, *choices)}
    found: dict[str, Step] = {}
    for step in steps:
        for signal in signals_of(step):
            if signal in found or (signal in named and signal != step.name):
                raise DefinitionError(
                    f"{owner}, step {step.name!r}: the signal {signal!r} has the name of a step, "
                    "or of another step's signal. Give it one of its own."
                )
            found[signal] = step
    return found
