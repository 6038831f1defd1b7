"""Faults around code that changed under its version, and around what needs a person."""

from typing import Final

from tests.mutation.fault import Fault

_ADOPTION = "sagas/whatif/adoption.py"
_ATTENTION = "sagas/queries/attention.py"
_EXECUTIONS = "sagas/store/executions.py"
_OPERATING = "sagas/engine/operating.py"
_TREE = "sagas/machine/traversal.py"

STRUCTURE = ("engine/test_structure",)
ADOPTION = ("engine/test_adoption",)
ATTENTION = ("engine/test_attention",)

STRUCTURE_FAULTS: Final = (
    Fault(
        name="Changed steps under the same version run on silently",
        clause="S12, R26",
        file="sagas/registry.py",
        before='return found if found is None or digest in ("", found.digest) else None',
        after="return found",
        tests=STRUCTURE,
    ),
    Fault(
        name="A compensation that is gone is the same structure",
        clause="R26",
        file=_TREE,
        before='"undone": compensation is not None,',
        after='"undone": True,',
        tests=STRUCTURE,
    ),
    Fault(
        name="A step of another kind is the same structure",
        clause="R26",
        file=_TREE,
        before='"kind": type(node).__name__,',
        after='"kind": "step",',
        tests=STRUCTURE,
    ),
    Fault(
        name="What is due is taken in any structure of a known version",
        clause="R26, L3",
        file="sagas/store/due.py",
        before="""\
AND (saga_type, version, definition_digest) IN (
        SELECT * FROM unnest(%(types)s::text[], %(versions)s::integer[], %(digests)s::text[])
    )
    ORDER BY""",
        after="""\
AND (saga_type, version) IN (
        SELECT * FROM unnest(%(types)s::text[], %(versions)s::integer[])
    )
    ORDER BY""",
        tests=STRUCTURE,
    ),
    Fault(
        name="What began before structures were kept is left alone",
        clause="R15",
        file="sagas/store/due.py",
        before='for each in (one, (*one[:2], ""))]',
        after="for each in (one,)]",
        tests=STRUCTURE,
    ),
    Fault(
        name="A preview takes whatever structure there is",
        clause="R26",
        file=_OPERATING,
        before="    definition = fitting(found)\n",
        after="    definition = registry.find(found.state.saga_type, found.state.version)\n",
        tests=STRUCTURE,
    ),
    Fault(
        name="Each hint for what is left alone is a line in the log",
        clause="R26",
        file="sagas/engine/fitting.py",
        before="if now - _told.get(kind, -TELL_INTERVAL) < TELL_INTERVAL:",
        after="if now < 0:",
        tests=STRUCTURE,
    ),
    Fault(
        name="A move forgets what has to be undone",
        clause="S4, R26",
        file=_ADOPTION,
        before="if name not in leave and name not in named:",
        after="if name in leave and name not in named:",
        tests=ADOPTION,
    ),
    Fault(
        name="A definition that is known does not tell what it could undo",
        clause="S4, R26",
        file=_ADOPTION,
        before="return [name for name in bare if _could_undo(began_with.by_name.get(name))]",
        after="return []",
        tests=ADOPTION,
    ),
    Fault(
        name="A move does not wait for a step at work",
        clause="S5, R26",
        file=_ADOPTION,
        before="if step.lease_until is not None and step.lease_until > now:",
        after="if step.lease_until is not None and step.lease_until < now:",
        tests=ADOPTION,
    ),
    Fault(
        name="What was not begun stays due after a move",
        clause="R26",
        file=_ADOPTION,
        before="        draft.emit(ev.StepWithdrawn(name, Direction.ACTION))\n",
        after="        pass\n",
        tests=ADOPTION,
    ),
    Fault(
        name="What has ended is moved",
        clause="S3, R26",
        file=_ADOPTION,
        before="if state.status in TERMINAL and not may_be_undone:",
        after="if state.status in TERMINAL and may_be_undone:",
        tests=ADOPTION,
    ),
    Fault(
        name="A moved execution keeps its old structure",
        clause="S12, R26",
        file=_EXECUTIONS,
        before="SET version = %(version)s, definition_digest = %(digest)s, commands",
        after="SET version = %(version)s, commands",
        tests=ADOPTION,
    ),
    Fault(
        name="A move loses what the parent said",
        clause="L4, R26",
        file=_EXECUTIONS,
        before=", commands = %(commands)s::jsonb\n",
        after="\n",
        tests=ADOPTION,
    ),
    Fault(
        name="A parent that is moved leaves its items behind",
        clause="S12, R26",
        file=_OPERATING,
        before="refused |= operate_on_many(saga_ids, same).refused",
        after="refused |= operate_on_many((), same).refused",
        tests=ADOPTION,
    ),
    Fault(
        name="A failed child is invisible from its top",
        clause="L4",
        file=_ATTENTION,
        before="AS e WHERE e.id = above.parent_id\n",
        after="AS e WHERE e.id = above.id\n",
        tests=ATTENTION,
    ),
    Fault(
        name="Who asks for what failed is told of no parent",
        clause="L4",
        file="sagas/queries/lists.py",
        before="    if wanted.status is ExecutionStatus.FAILED:\n",
        after="    if wanted.status is ExecutionStatus.FAILED and wanted.parent:\n",
        tests=ATTENTION,
    ),
    Fault(
        name="A child that is left alone is invisible from its top",
        clause="L4, R26",
        file=_ATTENTION,
        before="    return _condition(seeds, _arrays(left_alone()))\n",
        after="    return _condition(seeds, _arrays([]))\n",
        tests=ATTENTION,
    ),
)
