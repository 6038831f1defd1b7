"""Faults between parents and children: in the machine, the engine and the store."""

from typing import Final

from tests.mutation.fault import Fault

_FAMILIES = "sagas/machine/families.py"
_OPERATE = "sagas/machine/operate.py"
_BIRTHS = "sagas/engine/births.py"
_TRANSACT = "sagas/engine/transact.py"
_SAVING = "sagas/engine/saving.py"
_CHILDREN = "sagas/store/children.py"

CHILDREN = ("engine/test_children",)
GAPS = ("engine/test_gaps",)
AGAIN = ("engine/test_children_again",)

FAMILY_FAULTS: Final = (
    Fault(
        name="A child gives up before what runs in it has settled",
        clause="S5",
        file="sagas/machine/outcomes.py",
        before="case ExecutionStatus.COMPENSATING if state.options.held and state.has_settled:",
        after="case ExecutionStatus.COMPENSATING if state.options.held:",
        tests=GAPS,
    ),
    Fault(
        name="The siblings of a child that gave up are not halted",
        clause="R9",
        file=_FAMILIES,
        before="        draft.child_commands.append(ChildCommand(fact.step, ParentCommand.HALT))\n",
        after="        pass\n",
        tests=CHILDREN,
    ),
    Fault(
        name="A child does not wait for its parent before it undoes",
        clause="S5, S6",
        file=_BIRTHS,
        before="        held=not forward_only,\n",
        after="        held=False,\n",
        tests=CHILDREN,
    ),
    Fault(
        name="Children after the pivot may turn back",
        clause="S7",
        file=_BIRTHS,
        before="state.options.forward_only or is_past_pivot(definition, state)",
        after="state.options.forward_only",
        tests=CHILDREN,
    ),
    Fault(
        name="What a child did past its pivot counts as undone",
        clause="S7",
        file="sagas/machine/outcomes.py",
        before="    if final:\n",
        after="    if stuck and final:\n",
        tests=CHILDREN,
    ),
    Fault(
        name="A part of a saga can be cancelled alone",
        clause="S5",
        file=_OPERATE,
        before="if state.options.held or state.options.forward_only:",
        after="if state.options.forward_only:",
        tests=CHILDREN,
    ),
    Fault(
        name="More items are at work than may be",
        clause="ForEach",
        file=_FAMILIES,
        before="count = min(window - at_work, children.total - children.started)",
        after="count = min(window, children.total - children.started)",
        tests=GAPS,
    ),
    Fault(
        name="The children of a step wait for the parent's next look to be told of",
        clause="S9",
        file=_BIRTHS,
        before="    announce_all(born)\n",
        after="",
        tests=CHILDREN,
    ),
    Fault(
        name="Orders are cleared by a fact that did not carry them out",
        clause="R8",
        file=_TRANSACT,
        before="""\
    for command in locked.commands:
        yield ParentCommanded(ParentCommand(command))
    if isinstance(fact, Woken | ChildrenReported):
""",
        after="""\
    if isinstance(fact, Woken | ChildrenReported):
        for command in locked.commands:
            yield ParentCommanded(ParentCommand(command))
""",
        tests=CHILDREN,
    ),
    Fault(
        name="An order is carried out again and again",
        clause="S2",
        file="sagas/store/transitions.py",
        before="hints_sent = 0, commands = '[]',",
        after="hints_sent = 0,",
        tests=CHILDREN,
    ),
    Fault(
        name="What a child came to is not kept in its row",
        clause="R3",
        file=_SAVING,
        before='    return came_to or "", ',
        after='    return "", ',
        tests=CHILDREN,
    ),
    Fault(
        name="A parent is not called when its child ends",
        clause="L2",
        file=_TRANSACT,
        before="    if found is not None:\n        notify_parent(found)\n",
        after="",
        tests=CHILDREN,
    ),
    Fault(
        name="The parent of an item with an atomic step is not called",
        clause="L2",
        file="sagas/engine/working.py",
        before="    notify_parent(found)\n",
        after="",
        tests=CHILDREN,
    ),
    Fault(
        name="A child whose parent could not be called is not looked at again",
        clause="R3, L1",
        file=_SAVING,
        before="return earliest(moment, row.now if news else None, 0)",
        after="return moment",
        tests=CHILDREN,
    ),
    Fault(
        name="Completed children are not told to undo",
        clause="S3, S4",
        file=_CHILDREN,
        before="ParentCommand.UNDO: _LIVE | {ExecutionStatus.COMPLETED},",
        after="ParentCommand.UNDO: _LIVE,",
        tests=CHILDREN,
    ),
    Fault(
        name="An order waits for a look that nobody has planned",
        clause="L1",
        file=_CHILDREN,
        before="    END,\n    wake_at = clock_timestamp(),\n",
        after="    END,\n",
        tests=CHILDREN,
    ),
    Fault(
        name="A child that is stuck again tells nobody",
        clause="S6",
        file=_CHILDREN,
        before="outcome_taken = CASE WHEN %(command)s IN ('retry', 'report')",
        after="outcome_taken = CASE WHEN %(command)s = 'report'",
        tests=CHILDREN,
    ),
    Fault(
        name="What a child came to before is counted for ever",
        clause="S8",
        file=_CHILDREN,
        before="            if before:\n                change[Outcome(before)] -= 1\n",
        after="",
        tests=CHILDREN,
    ),
    Fault(
        name="Children whose results could not be taken are started anew",
        clause="S2",
        file=_FAMILIES,
        before="if state.children is not None and state.children.started:",
        after="if False:",
        tests=AGAIN,
    ),
    Fault(
        name="Children that are asked to tell anew tell nothing",
        clause="L2",
        file=_CHILDREN,
        before="outcome_taken = CASE WHEN %(command)s IN ('retry', 'report')",
        after="outcome_taken = CASE WHEN %(command)s = 'retry'",
        tests=AGAIN,
    ),
    Fault(
        name="A paused fan-out goes on to its next item",
        clause="R9",
        file=_FAMILIES,
        before="if count > 0 and not draft.state.paused and",
        after="if count > 0 and",
        tests=AGAIN,
    ),
    Fault(
        name="A list may change while its items are at work",
        clause="S10",
        file="sagas/machine/added_items.py",
        before="if not is_list or list(after[:started]) != list(before[:started]):",
        after="if not is_list:",
        tests=AGAIN,
    ),
    Fault(
        name="Children that turned back are left behind by a skip",
        clause="S6",
        file=_OPERATE,
        before="    return step.children.count(Outcome.GAVE_UP) > 0",
        after="    return False",
        tests=AGAIN,
    ),
)
