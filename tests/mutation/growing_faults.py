"""Faults around lists that grow by signals."""

from typing import Final

from tests.mutation.fault import Fault

_GROWING = "sagas/machine/growing.py"

MACHINE = ("machine/test_growing",)
PEOPLE = ("machine/test_growing_and_people",)
ROWS = ("engine/test_growing",)

GROWING_FAULTS: Final = (
    Fault(
        name="A list that grows ends once its first items are done",
        clause="S3",
        file="sagas/machine/outcomes.py",
        before="    if children.open:\n        return False\n",
        after="",
        tests=MACHINE,
    ),
    Fault(
        name="An item is taken after its list was closed",
        clause="R13",
        file=_GROWING,
        before="    if not is_open(step, draft.state):\n",
        after="    if False:\n",
        tests=MACHINE,
    ),
    Fault(
        name="An early end of a list is forgotten",
        clause="R13",
        file="sagas/machine/added_items.py",
        before="if not step.grows_by or step.name in state.options.signals:",
        after="if not step.grows_by:",
        tests=MACHINE,
    ),
    Fault(
        name="Early items are not counted",
        clause="R13",
        file="sagas/machine/added_items.py",
        before="return [*items, *state.options.collected.get(step.name, ())]",
        after="return [*items]",
        tests=MACHINE,
    ),
    Fault(
        name="An item that is added is not started",
        clause="L4",
        file=_GROWING,
        before="        start_more(draft, step.name)\n",
        after="        pass\n",
        tests=MACHINE,
    ),
    Fault(
        name="An item without a key is added again after a lost session",
        clause="R6, R13",
        file=_GROWING,
        before="key = fact.key or fact.call",
        after="key = fact.key",
        tests=MACHINE,
    ),
    Fault(
        name="A list that is closed a second time refuses it",
        clause="R13",
        file=_GROWING,
        before="return fact.name == step.closes_by and not is_open(step, draft.state)",
        after="return False",
        tests=MACHINE,
    ),
    Fault(
        name="A list takes items though others of it gave up",
        clause="R13",
        file=_GROWING,
        before="if state.children is not None and has_failed(step, state.children):",
        after="if False:",
        tests=MACHINE,
    ),
    Fault(
        name="A list without items never ends",
        clause="L4",
        file=_GROWING,
        before="has_none = state.children is not None and not state.children.total",
        after="has_none = False",
        tests=MACHINE,
    ),
    Fault(
        name="What was added is not in the context",
        clause="ForEach",
        file="sagas/machine/families.py",
        before="succeed_unclaimed(draft, name, {**what_came(draft, name), **fact.changes})",
        after="succeed_unclaimed(draft, name, fact.changes)",
        tests=MACHINE,
    ),
    Fault(
        name="A list that waits for a signal is looked at again and again",
        clause="L1",
        file="sagas/machine/wake.py",
        before="step.status in UNDER_WAY and not step.awaits_signal:",
        after="step.status in UNDER_WAY:",
        tests=MACHINE,
    ),
    Fault(
        name="Nobody looks for an item that has to be undone",
        clause="L1",
        file="sagas/machine/children.py",
        before="done = self.count(Outcome.COMPLETED, Outcome.FINAL, Outcome.UNDONE)",
        after="done = self.count(*Outcome)",
        tests=MACHINE,
    ),
    Fault(
        name="The number of items may be amended before the first is started",
        clause="ForEach",
        file="sagas/machine/added_items.py",
        before="not (known.children.started or known.direction)",
        after="not known.children.started",
        tests=PEOPLE,
    ),
    Fault(
        name="The structure does not say by which signals a list grows",
        clause="S12",
        file="sagas/machine/traversal.py",
        before='return found | {"signals": signals} if signals else found',
        after="return found",
        tests=MACHINE,
    ),
    Fault(
        name="A list is closed, and nobody asks what its items gave",
        clause="L4",
        file="sagas/engine/transact.py",
        before="if isinstance(fact, Signal) and (step := closed_by(",
        after="if False and (step := closed_by(",
        tests=ROWS,
    ),
    Fault(
        name="An item is made of what stands in the list alone",
        clause="ForEach",
        file="sagas/engine/births.py",
        before="items = items_of(step, state) if isinstance(step, ForEach) else None",
        after="items = state.context.get(step.over) if isinstance(step, ForEach) else None",
        tests=ROWS,
    ),
)
