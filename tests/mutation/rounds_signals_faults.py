"""Faults around signals that are sent to a saga and meant for its rounds."""

from typing import Final

from tests.mutation.fault import Fault

_REPEATING = "sagas/machine/repeating.py"
_ROUNDS = "sagas/engine/rounds.py"
_TRANSACT = "sagas/engine/transact.py"

MACHINE = ("machine/test_signals_to_rounds",)
ROWS = ("engine/test_signals_to_rounds",)

ROUNDS_SIGNALS_FAULTS: Final = (
    Fault(
        name="A signal that is kept for a round is given to all later ones",
        clause="R13",
        file="sagas/machine/evolve.py",
        before="        for name in event.hands or ():\n",
        after="        for name in ():\n",
        tests=MACHINE,
    ),
    Fault(
        name="What a round took is kept for the next one, too",
        clause="R13",
        file="sagas/machine/kept_signals.py",
        before="    if event.taken:\n",
        after="    if False:\n",
        tests=MACHINE,
    ),
    Fault(
        name="A signal without a key is one for a later round after a lost session",
        clause="R6, R13, R22",
        file=_REPEATING,
        before="key = fact.key or fact.call",
        after="key = fact.key",
        tests=MACHINE,
    ),
    Fault(
        name="A signal is kept for a round that will not be",
        clause="R13",
        file=_REPEATING,
        before="if fact.taken is False and _is_at_last(step, state):",
        after="if False:",
        tests=MACHINE,
    ),
    Fault(
        name="A second signal takes the place of the one that is kept for a round",
        clause="R13",
        file=_REPEATING,
        before="    if fact.name in options.signals:\n",
        after="    if False:\n",
        tests=MACHINE,
    ),
    Fault(
        name="A name that two steps have rounds for is guessed",
        clause="Signals",
        file="sagas/machine/naming.py",
        before="and signal not in named and len(repeats) == 1:",
        after="and signal not in named:",
        tests=MACHINE,
    ),
    Fault(
        name="A round begins without the signals that were kept for it",
        clause="R13, L4",
        file="sagas/engine/births.py",
        before="_begin(parent, of_child, started, keys, early=start.signals)",
        after="_begin(parent, of_child, started, keys)",
        tests=ROWS,
    ),
    Fault(
        name="No round is asked: each signal is for the next one",
        clause="R13, L4",
        file=_TRANSACT,
        before="    if round_id is None:\n        return fact\n",
        after="    if True:\n        return fact\n",
        tests=ROWS,
    ),
    Fault(
        name="A signal that contradicts an early one is kept for the next round",
        clause="R13",
        file=_ROUNDS,
        before="if decision.verdict is Verdict.REFUSED and not is_early:",
        after="if decision.verdict is Verdict.REFUSED:",
        tests=ROWS,
    ),
    Fault(
        name="A signal that comes twice in a round is kept for the next one",
        clause="R13",
        file=_ROUNDS,
        before="if decision.verdict is Verdict.REFUSED and not is_early:",
        after="if not is_early:",
        tests=ROWS,
    ),
    Fault(
        name="Nobody hears that a signal has ended a round",
        clause="L4",
        file=_TRANSACT,
        before="    if isinstance(fact, Signal) and fact.taken:",
        after="    if False:",
        tests=ROWS,
    ),
    Fault(
        name="No form is asked of a signal for a round",
        clause="R13",
        file="sagas/forms.py",
        before="    step = wait_for(saga, name)\n",
        after="    step = saga.by_name.get(name)\n",
        tests=ROWS,
    ),
)
