"""Faults at the birth of children: what they come to then, and what they are told (L4)."""

from typing import Final

from tests.mutation.fault import Fault

_BIRTHS = "sagas/engine/births.py"
_SETTLE = "while _start_next(begun) or _tell_next(begun) or _hear_next(begun):"

FAMILIES = ("properties/test_births",)
BIRTHS = ("engine/test_births",)

BIRTH_FAULTS: Final = (
    Fault(
        name="A parent never hears what its child came to at its birth",
        clause="L4",
        file=_BIRTHS,
        before=_SETTLE,
        after="while _start_next(begun) or _tell_next(begun):",
        tests=FAMILIES,
    ),
    Fault(
        name="Children born beside one that turns back are not told",
        clause="R9, L4",
        file=_BIRTHS,
        before=_SETTLE,
        after="while _start_next(begun) or _hear_next(begun):",
        tests=FAMILIES,
    ),
    Fault(
        name="The children of a newborn are settled too late for it",
        clause="L4",
        file=_BIRTHS,
        before="    _settle(begun)\n    return begun\n",
        after="    _start_next(begun)\n    return begun\n",
        tests=FAMILIES,
    ),
    Fault(
        name="What a newborn has come to is not in its row",
        clause="L4",
        file="sagas/store/insertion.py",
        before='"outcome": new.outcome,',
        after='"outcome": "",',
        tests=BIRTHS,
    ),
    Fault(
        name="A child that has ended at its birth keeps its locks",
        clause="Locks",
        file=_BIRTHS,
        before="if child.keys and not family.gives_locks_back(child.begun.state):",
        after="if child.keys:",
        tests=BIRTHS,
    ),
    Fault(
        name="A saga that has ended at its start keeps its locks",
        clause="Locks",
        file="sagas/engine/starting.py",
        before="if each.keys and not family.gives_locks_back(first.state):",
        after="if each.keys:",
        tests=BIRTHS,
    ),
)
