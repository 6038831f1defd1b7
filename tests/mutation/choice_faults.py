"""Faults around choices."""

from typing import Final

from tests.mutation.fault import Fault

_CONDITIONS = "sagas/machine/conditions.py"
_DEFINITION = "sagas/machine/definition.py"
_PROGRESS = "sagas/machine/progress.py"
_TRAVERSAL = "sagas/machine/traversal.py"
_TREE = "sagas/machine/tree.py"

CHOICES = ("machine/test_choices", "machine/test_choice_definitions")

CHOICE_FAULTS: Final = (
    Fault(
        name="What no case of a choice fits turns to its first way",
        clause="S3",
        file=_TREE,
        before='return OTHERWISE if self.takes_something else ""',
        after="return next(iter(self.ways))",
        tests=CHOICES,
    ),
    Fault(
        name="The last case that fits is taken",
        clause="S3",
        file=_TREE,
        before="for condition in self.conditions:",
        after="for condition in reversed(self.conditions):",
        tests=CHOICES,
    ),
    Fault(
        name="True is the number 1 for a choice",
        clause="S3",
        file=_CONDITIONS,
        before="return isinstance(value, _PLAIN) and _canonical(value) == self.text",
        after="return isinstance(value, _PLAIN) and value == json.loads(self.text)",
        tests=CHOICES,
    ),
    Fault(
        name="A range takes its upper limit, too",
        clause="S3",
        file=_CONDITIONS,
        before="value < self.below",
        after="value <= self.below",
        tests=CHOICES,
    ),
    Fault(
        name="A choice that was made is made again",
        clause="S3, S8",
        file=_TRAVERSAL,
        before="""\
            if name not in chosen:
                return _before""",
        after="""\
            if name not in chosen or not any(s.name in settled for s in steps_of(node)):
                return _before""",
        tests=CHOICES,
    ),
    Fault(
        name="A choice is made before the saga runs",
        clause="S8",
        file=_PROGRESS,
        before="""\
        start_running(draft)
        if isinstance(choice, FirstOf):""",
        after="        if isinstance(choice, FirstOf):",
        tests=CHOICES,
    ),
    Fault(
        name="A signal for a way that was not taken is kept for ever",
        clause="R13",
        file=_PROGRESS,
        before="    if is_left_out(draft, definition.name):\n",
        after="    if False:\n",
        tests=CHOICES,
    ),
    Fault(
        name="A structure says nothing of what a choice asks for",
        clause="S12, R26",
        file=_TRAVERSAL,
        before='return {"choice": name, "on": on, "ways": labelled}',
        after='return {"choice": name, "ways": labelled}',
        tests=CHOICES,
    ),
    Fault(
        name="Only the pivot of the first way counts",
        clause="S7",
        file="sagas/machine/decision.py",
        before="for pivot in draft.definition.pivots:",
        after="for pivot in draft.definition.pivots[:1]:",
        tests=CHOICES,
    ),
    Fault(
        name="What comes after a pivot in a choice may have a compensation",
        clause="S7",
        file=_TRAVERSAL,
        before="""\
                if (found := steps_after(way, step)) is not None:
                    return found
""",
        after="""\
                if steps_after(way, step) is not None:
                    return []
""",
        tests=CHOICES,
    ),
    Fault(
        name="A choice that a new definition puts before what was done goes unnoticed",
        clause="S12, R26",
        file="sagas/whatif/compatibility.py",
        before="""\
            elif name not in state.options.choices:
                yield name
""",
        after="",
        tests=CHOICES,
    ),
    Fault(
        name="A way that a new definition does not have goes unnoticed",
        clause="S12, R26",
        file="sagas/whatif/compatibility.py",
        before="if known is not None and way and way not in known.ways:",
        after="if False:",
        tests=CHOICES,
    ),
)
