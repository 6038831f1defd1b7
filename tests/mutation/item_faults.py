"""Faults around items that are sagas, items that may fail, and quorums."""

from typing import Final

from tests.mutation.fault import Fault

_BIRTHS = "sagas/engine/births.py"
_CHILDREN = "sagas/store/children.py"
_FAMILIES = "sagas/machine/families.py"
_FAMILY = "sagas/engine/family.py"
_NEWBORN = "sagas/engine/newborn.py"
_OPERATE = "sagas/machine/operate.py"
_OUTCOMES = "sagas/machine/outcomes.py"

ITEMS = ("machine/test_items", "machine/test_item_commands")
OF_SAGAS = ("engine/test_items_of_sagas",)
TOLERANT = ("engine/test_tolerant_items", "engine/test_quorums")

ITEM_FAULTS: Final = (
    Fault(
        name="The structure does not say which saga the items are",
        clause="S12",
        file="sagas/machine/traversal.py",
        before="return [over, saga_type] if over and saga_type else saga_type or over",
        after="return over or saga_type",
        tests=ITEMS,
    ),
    Fault(
        name="The structure does not say how many items are enough",
        clause="S12",
        file="sagas/machine/traversal.py",
        before='found |= {"enough": has_to_complete} if tolerates(node) else {}',
        after="pass",
        tests=ITEMS,
    ),
    Fault(
        name="A saga may be its own item",
        clause="ForEach",
        file="sagas/machine/definition.py",
        before="if step.saga_type == self.saga_type and",
        after="if isinstance(step, SubSaga) and step.saga_type == self.saga_type and",
        tests=OF_SAGAS,
    ),
    Fault(
        name="Sagas that are each other's items are started",
        clause="ForEach",
        file="sagas/machine/definition.py",
        before="own = [s for s in steps if isinstance(s, SubSaga | ForEach) and s.saga_type]",
        after="own = [s for s in steps if isinstance(s, SubSaga)]",
        tests=OF_SAGAS,
    ),
    Fault(
        name="Items are of the newest version, whichever is named",
        clause="ForEach",
        file=_BIRTHS,
        before="return registry.find_or_newest(step.saga_type, step.version)",
        after="return registry.find_or_newest(step.saga_type, None)",
        tests=OF_SAGAS,
    ),
    Fault(
        name="What items that ended at their birth give is taken for all",
        clause="L4",
        file=_BIRTHS,
        before="older = None if begun.execution_id is None else",
        after="older = None if True else",
        tests=OF_SAGAS,
    ),
    Fault(
        name="An item gives back all that its steps wrote",
        clause="ForEach",
        file=_FAMILY,
        before="    if step.action is None:\n        return copied(step.output, context)\n",
        after="",
        tests=OF_SAGAS,
    ),
    Fault(
        name="A parent that moves takes along items that are sagas",
        clause="S12",
        file="sagas/engine/adopting.py",
        before="if defines_children(step):",
        after="if hasattr(step, 'over') or hasattr(step, 'steps'):",
        tests=OF_SAGAS,
    ),
    Fault(
        name="Items are let go by a decision that turns all back",
        clause="S5",
        file=_FAMILIES,
        before="[e for e in draft.child_commands if e.command not in LETS_GO]",
        after="[e for e in draft.child_commands if e.command in ParentCommand]",
        tests=ITEMS,
    ),
    Fault(
        name="A saga that turns back after a pause starts another child first",
        clause="R9",
        file=_FAMILIES,
        before="""\
    if draft.state.status in GOING_FORWARD and turns_back(draft):
        return
""",
        after="",
        tests=("machine/test_resumed_families",),
    ),
    Fault(
        name="One item that gave up turns the others back",
        clause="S3",
        file=_OUTCOMES,
        before="return bool(children.refused) or is_short",
        after="return bool(children.refused or lost)",
        tests=ITEMS,
    ),
    Fault(
        name="The saga goes on before an item that gave up has undone what it did",
        clause="S4",
        file=_OUTCOMES,
        before="children.count(*SUCCESS, Outcome.UNDONE) == needed",
        after="children.count(*SUCCESS, *LOST) == needed",
        tests=ITEMS,
    ),
    Fault(
        name="An item that gives up while another is undone is not told to undo",
        clause="S4, L4",
        file=_FAMILIES,
        before="have_lost = after.count(*LOST) > before.count(*LOST) and",
        after="have_lost = fact.change.get(Outcome.GAVE_UP, 0) > 0 and",
        tests=ITEMS,
    ),
    Fault(
        name="The rest is not withdrawn once enough have completed",
        clause="S3",
        file=_FAMILIES,
        before="is_withdrawn = has_enough(step, after) and not has_enough(step, before)",
        after="is_withdrawn = False",
        tests=ITEMS,
    ),
    Fault(
        name="Items are started though enough have completed",
        clause="S3",
        file=_FAMILIES,
        before="not draft.state.paused and not has_enough(definition, children):",
        after="not draft.state.paused:",
        tests=ITEMS,
    ),
    Fault(
        name="A quorum waits on when it can't be had any more",
        clause="S3",
        file=_OUTCOMES,
        before="children.total - lost < step.enough",
        after="children.total < step.enough",
        tests=ITEMS,
    ),
    Fault(
        name="What was put off in a pause is never told",
        clause="L1",
        file=_FAMILIES,
        before="_let_go(draft, name, is_withdrawn=has_enough(step, children), have_lost=have_lost)",
        after="pass",
        tests=ITEMS,
    ),
    Fault(
        name="Beside an item that is stuck, no other is undone",
        clause="S6",
        file="sagas/machine/undoing.py",
        before="if not again or (children is not None and 0 < stuck < children.started):",
        after="if not again:",
        tests=ITEMS,
    ),
    Fault(
        name="An item that was undone before the way back came to it is waited for",
        clause="S6, L4",
        file=_FAMILIES,
        before="(catches(known) or tolerates(known)):",
        after="catches(known):",
        tests=ITEMS,
    ),
    Fault(
        name="An item that goes forward is told to undo with those that gave up",
        clause="S4",
        file=_OPERATE,
        before="is_let_go = draft.state.status is ExecutionStatus.COMPENSATING and command",
        after="is_let_go = command",
        tests=ITEMS,
    ),
    Fault(
        name="A withdrawn item that has completed undoes its work",
        clause="S3",
        file=_OPERATE,
        before="    ParentCommand.WITHDRAW: GOING_FORWARD,\n",
        after="    ParentCommand.WITHDRAW: GOING_FORWARD | {ExecutionStatus.COMPLETED},\n",
        tests=ITEMS,
    ),
    Fault(
        name="An item that is refused at its birth fails all that start with it",
        clause="L4",
        file=_BIRTHS,
        before="            if not tolerates(step):\n                raise\n",
        after="            raise\n",
        tests=TOLERANT,
    ),
    Fault(
        name="Items that were undone don't tell it again",
        clause="L4",
        file=_CHILDREN,
        before="{ExecutionStatus.COMPLETED, ExecutionStatus.COMPENSATED},",
        after="{ExecutionStatus.COMPLETED},",
        tests=TOLERANT,
    ),
    Fault(
        name="An item that was withdrawn stands in the list as one that failed",
        clause="S3",
        file=_CHILDREN,
        before="return None if turned.because == BY_PARENT else turned",
        after="return turned",
        tests=TOLERANT,
    ),
    Fault(
        name="A result may look like an item that failed",
        clause="ForEach",
        file=_FAMILY,
        before="elif FAILED_ITEM in (result := _result(step, *each)):",
        after='elif (result := _result(step, *each)) and "" in result:',
        tests=TOLERANT,
    ),
    Fault(
        name="Of items at birth, those with rows are left out of the list",
        clause="L4",
        file=_NEWBORN,
        before="        older = [] if self.older is None else self.older.results()\n",
        after="        older: list[Result] = []\n",
        tests=TOLERANT,
    ),
)
