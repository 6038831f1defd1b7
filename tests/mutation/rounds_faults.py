"""Faults in steps that are repeated, in rounds."""

from typing import Final

from tests.mutation.fault import Fault

_FAMILIES = "sagas/machine/families.py"
_FAMILY = "sagas/engine/family.py"
_CHILDREN = "sagas/store/children.py"

MACHINE = ("machine/test_rounds",)
DEFINED = ("machine/test_rounds_defined",)
ENGINE = ("engine/test_rounds",)

ROUNDS_FAULTS: Final = (
    Fault(
        name="All rounds are undone at once",
        clause="S6",
        file="sagas/machine/undoing.py",
        before="[ChildCommand(name, command, left - 1)] if left else []",
        after="[ChildCommand(name, command)] if left else []",
        tests=ENGINE,
    ),
    Fault(
        name="Rounds are undone oldest first",
        clause="S6",
        file="sagas/machine/undoing.py",
        before="[ChildCommand(name, command, left - 1)] if left else []",
        after="[ChildCommand(name, command, children.started - left)] if left else []",
        tests=MACHINE,
    ),
    Fault(
        name="A round that can't be undone holds up those before it",
        clause="S6",
        file="sagas/machine/outcomes.py",
        before="BACK: Final = (Outcome.UNDONE, Outcome.STUCK, Outcome.FINAL)",
        after="BACK: Final = (Outcome.UNDONE, Outcome.FINAL)",
        tests=MACHINE,
    ),
    Fault(
        name="Rounds are undone while their saga is paused",
        clause="S6",
        file="sagas/machine/undoing.py",
        before="    if children is not None and not draft.state.paused:\n",
        after="    if children is not None:\n",
        tests=MACHINE,
    ),
    Fault(
        name="After a pause no further round is undone",
        clause="S6, L4",
        file=_FAMILIES,
        before="    for name in list(draft.state.families(Direction.COMPENSATION)):\n",
        after="    for name in list(draft.state.families(Direction.ACTION)):\n",
        tests=MACHINE,
    ),
    Fault(
        name="After a pause no further round begins",
        clause="L4",
        file=_FAMILIES,
        before=(
            "        if isinstance(step, Repeat):\n"
            "            _settle_family(draft, ChildrenMoved(name, {}))\n"
        ),
        after="        if isinstance(step, Repeat):\n            continue\n",
        tests=MACHINE,
    ),
    Fault(
        name="A paused saga decides whether a round follows",
        clause="Repeat",
        file=_FAMILIES,
        before="    elif draft.state.paused:\n        return\n    elif step.is_over",
        after="    elif step.is_over",
        tests=MACHINE,
    ),
    Fault(
        name="What a round tells anew is taken for another one's",
        clause="S10",
        file=_FAMILIES,
        before="    if children.started == children.total:  # its keys were not taken yet\n",
        after="    if children.started <= children.total:\n",
        tests=MACHINE,
    ),
    Fault(
        name="A round may change what a branch beside it has changed",
        clause="S10",
        file=_FAMILIES,
        before=("fact.failure or conflicting(draft, name, Direction.ACTION, fact.changes)\n"),
        after="fact.failure\n",
        tests=MACHINE,
    ),
    Fault(
        name="A branch may change what a round beside it has changed",
        clause="S10",
        file="sagas/machine/evolve.py",
        before='        details["wrote"] = tuple(sorted({*step.wrote, *event.adds}))\n',
        after="        pass\n",
        tests=MACHINE,
    ),
    Fault(
        name="There is one round more than there may be",
        clause="S3",
        file=_FAMILIES,
        before="    elif children.started < step.most:\n",
        after="    elif children.started <= step.most:\n",
        tests=MACHINE,
    ),
    Fault(
        name="A saga that turns back begins another round",
        clause="S5, R9",
        file=_FAMILIES,
        before=('    if not is_forward:\n        message = "It turned back with its saga."\n'),
        after=(
            "    if not is_forward and children.started == step.most:\n"
            '        message = "It turned back with its saga."\n'
        ),
        tests=MACHINE,
    ),
    Fault(
        name="A round forgets what a race or a person changed in it",
        clause="S10",
        file=_FAMILY,
        before="        return difference(*siblings.before_and_after(children.started - 1))\n",
        after=(
            "        context, wrote = siblings.outputs()[-1]\n"
            "        return {key: context[key] for key in wrote}\n"
        ),
        tests=ENGINE,
    ),
    Fault(
        name="Each round begins with what the first one began with",
        clause="S10",
        file=_FAMILY,
        before="        return difference(*siblings.before_and_after(children.started - 1))\n",
        after="        return difference(*siblings.before_and_after(0))\n",
        tests=ENGINE,
    ),
    Fault(
        name="A command for one round reaches all of them",
        clause="S6",
        file=_CHILDREN,
        before="  AND (number = %(number)s OR %(number)s IS NULL)\n  AND status",
        after="  AND status",
        tests=ENGINE,
    ),
    Fault(
        name="Rounds do not move to a new definition with their saga",
        clause="S12",
        file="sagas/engine/adopting.py",
        before="        if defines_children(step):",
        after="        if defines_children(step) and hasattr(step, 'over'):",
        tests=("engine/test_rounds_and_people",),
    ),
    Fault(
        name="A pivot may be in a round",
        clause="S7",
        file="sagas/machine/definition.py",
        before="            if found.pivots:\n",
        after="            if len(found.pivots) > 1:\n",
        tests=DEFINED,
    ),
    Fault(
        name="What is repeated is no part of the structure",
        clause="S12",
        file="sagas/machine/traversal.py",
        before='"steps": outline(InOrder(steps))}',
        after='"steps": len(steps)}',
        tests=DEFINED,
    ),
    Fault(
        name="Rounds after the pivot may be such that they turn back",
        clause="S7",
        file="sagas/machine/definition.py",
        before="is_after = isinstance(step, Repeat) and step.name in self.after_pivot\n",
        after="is_after = False\n",
        tests=MACHINE,
    ),
    Fault(
        name="A saga in a round may be the one that is repeated",
        clause="L2",
        file="sagas/machine/definition.py",
        before="[*own, *(step for part in self.item_sagas for step in part.sub_sagas)]",
        after="own",
        tests=DEFINED,
    ),
)
