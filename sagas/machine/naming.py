"""Names within one saga: of its steps and choices, and of the signals that its steps take."""

from collections import Counter
from collections.abc import Iterable, Sequence

from sagas.machine.family_steps import Repeat, Step, signals_of
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


def signal_steps(
    owner: str,
    steps: Sequence[Step],
    choices: Sequence[Choice],
    in_rounds: Iterable[tuple[str, Repeat]],
) -> dict[str, Step]:
    """Signal → step: that of its name, one that grows by it, or a `Repeat` with a wait for it
    (`in_rounds`), unless something else has the name, or a second `Repeat` has such a wait. Raises
    `DefinitionError` for a list that would grow by the name of something else."""
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
    for signal, repeats in _grouped(in_rounds).items():
        if signal not in found and signal not in named and len(repeats) == 1:
            found[signal] = repeats[0]
    return found


def _grouped(pairs: Iterable[tuple[str, Repeat]]) -> dict[str, list[Repeat]]:
    found: dict[str, list[Repeat]] = {}
    for signal, step in pairs:
        found.setdefault(signal, []).append(step)
    return found
