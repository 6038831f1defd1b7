"""Faults around waits that collect, and signals that have a key."""

from typing import Final

from tests.mutation.fault import Fault

_DECISION = "sagas/machine/decision.py"
_FORMS = "sagas/forms.py"
_KEPT = "sagas/machine/kept_signals.py"
_OPERATE = "sagas/machine/operate.py"
_PROGRESS = "sagas/machine/progress.py"
_SIGNALLING = "sagas/engine/signalling.py"
_WAITS = "sagas/machine/waiting_steps.py"

COLLECTING = ("machine/test_collecting", "machine/test_collecting_and_others")
ROWS = ("engine/test_signals",)
FORMS = ("engine/test_forms",)

SIGNAL_FAULTS: Final = (
    Fault(
        name="A wait that collects ends by its first signal",
        clause="R13",
        file=_PROGRESS,
        before="if not definition.has_enough(changes[fact.name]):",
        after="if False:",
        tests=COLLECTING,
    ),
    Fault(
        name="One more signal than a wait may have is taken",
        clause="R13",
        file=_WAITS,
        before="if len(came) >= (self.most or DEFAULT_MOST):",
        after="if len(came) > (self.most or DEFAULT_MOST):",
        tests=COLLECTING,
    ),
    Fault(
        name="A signal that agrees with one part of until ends the wait",
        clause="R13",
        file=_WAITS,
        before="return bool(came and self.until) and all(",
        after="return bool(came and self.until) and any(",
        tests=COLLECTING,
    ),
    Fault(
        name="Only the first signal is asked whether it ends the wait",
        clause="R13",
        file=_WAITS,
        before="value_at(came[-1], path)",
        after="value_at(came[0], path)",
        tests=COLLECTING,
    ),
    Fault(
        name="Signals that came before their wait do not end it",
        clause="R13",
        file=_PROGRESS,
        before="elif isinstance(step, WaitFor) and came and step.has_enough(came[step.name]):",
        after="elif False:",
        tests=COLLECTING,
    ),
    Fault(
        name="Before the wait any number of signals is kept",
        clause="R13",
        file=_PROGRESS,
        before="if is_early and definition.has_enough(came):",
        after="if False:",
        tests=COLLECTING,
    ),
    Fault(
        name="What was collected is not in the context once the time is over",
        clause="R13",
        file=_PROGRESS,
        before="succeed_unclaimed(draft, name, what_came(draft, name))",
        after="succeed_unclaimed(draft, name, {})",
        tests=COLLECTING,
    ),
    Fault(
        name="What was collected is lost if another one is first",
        clause="R13",
        file=_PROGRESS,
        before="changes |= what_came(draft, name)",
        after="pass",
        tests=COLLECTING,
    ),
    Fault(
        name="What was collected is lost if a person skips the wait",
        clause="R13",
        file=_OPERATE,
        before="{**what_came(draft, fact.step), **fact.changes}",
        after="fact.changes",
        tests=COLLECTING,
    ),
    Fault(
        name="What was collected stays in the row beside the context",
        clause="S8",
        file=_KEPT,
        before="for name, came in options.collected.items() if name != step",
        after="for name, came in options.collected.items()",
        tests=COLLECTING,
    ),
    Fault(
        name="A key is forgotten",
        clause="R13",
        file=_KEPT,
        before="keys = {**keys, name: {**keys.get(name, {}), event.key:",
        after="keys = {**keys, name: {event.key:",
        tests=COLLECTING,
    ),
    Fault(
        name="A key counts once, whatever comes with it",
        clause="R13",
        file=_PROGRESS,
        before="if known[key] == payload_digest(fact.payload):",
        after="if key:",
        tests=COLLECTING,
    ),
    Fault(
        name="Another key with the same payload is the same signal",
        clause="R13",
        file=_PROGRESS,
        before='        return draft.refuse(f"A signal {name!r} came before, with another key.")',
        after="        pass",
        tests=COLLECTING,
    ),
    Fault(
        name="A wait that collects has the digest of one that does not",
        clause="S12",
        file="sagas/machine/traversal.py",
        before="if collects(step):",
        after="if False:",
        tests=COLLECTING,
    ),
    Fault(
        name="A signal without a key is taken twice if its COMMIT is in doubt",
        clause="R6",
        file=_SIGNALLING,
        before="inputs.checked_key(key), call=uuid.uuid4().hex)",
        after="inputs.checked_key(key), call=uuid.uuid4().hex * 0)",
        tests=ROWS,
    ),
    Fault(
        name="A signal that starts its saga and is refused leaves it behind",
        clause="S11",
        file=_SIGNALLING,
        before="""\
    with transaction.atomic(durable=True):
        started = start(*args, **options)
""",
        after="""\
    started = start(*args, **options)
    with transaction.atomic(durable=True):
""",
        tests=ROWS,
    ),
    Fault(
        name="What does not fit its form is taken",
        clause="R13",
        file="sagas/engine/transact.py",
        before="        forms.require_fitting(definition, fact.name, fact.payload)",
        after="        pass",
        tests=FORMS,
    ),
    Fault(
        name="A signal that came before is held to the form of today",
        clause="R13",
        file="sagas/engine/transact.py",
        before="if isinstance(fact, Signal) and decision.verdict is Verdict.ACCEPTED:",
        after="if isinstance(fact, Signal):",
        tests=FORMS,
    ),
    Fault(
        name="A field that is missing is not named",
        clause="R13",
        file=_FORMS,
        before='yield ".".join([*path, name]), "is missing."',
        after='yield ".".join(path), "is missing."',
        tests=("machine/test_forms",),
    ),
    Fault(
        name="A form may refer to what is elsewhere",
        clause="S9",
        file=_FORMS,
        before="for reference in _references(form):",
        after="for reference in ():",
        tests=("machine/test_forms",),
    ),
    Fault(
        name="What a wait has collected may be larger than a context",
        clause="S10",
        file="sagas/engine/family.py",
        before="return {**state.context, **collected} if collected else state.context",
        after="return state.context",
        tests=ROWS,
    ),
)
