"""Faults in names that a number of sagas may hold: who holds them, and who waits for whom."""

from typing import Final

from tests.mutation.fault import Fault

_LOCKS = "sagas/store/locks.py"
_FAMILY = "sagas/engine/family.py"
_DEADLOCKS = "sagas/engine/deadlocks.py"
_VALIDATION = "sagas/validation.py"

LIMITS = ("engine/test_limits",)
OF_FAMILIES = ("engine/test_limits_of_families",)
DEADLOCKS = ("engine/test_deadlocks",)

LIMIT_FAULTS: Final = (
    Fault(
        name="One more than the limit holds a name",
        clause="Locks",
        file=_LOCKS,
        before="SELECT count(*) >= least({own}.most, min(most)) AS so FROM (",
        after="SELECT count(*) > least({own}.most, min(most)) AS so FROM (",
        tests=LIMITS,
    ),
    Fault(
        name="A saga looks only at its own number",
        clause="Locks",
        file=_LOCKS,
        before="SELECT count(*) >= least({own}.most, min(most)) AS so FROM (",
        after="SELECT count(*) >= {own}.most AS so FROM (",
        tests=LIMITS,
    ),
    Fault(
        name="A saga looks at the numbers of those who wait behind it",
        clause="Locks",
        file=_LOCKS,
        before="WHERE key = {own}.key AND place < {own}.place ORDER BY place LIMIT {own}.most",
        after="WHERE key = {own}.key AND place <> {own}.place ORDER BY place LIMIT {own}.most",
        tests=LIMITS,
    ),
    Fault(
        name="Of those whose turn has come only the first is called",
        clause="L2",
        file=_LOCKS,
        before=") AS family WHERE rank <= most\n",
        after=") AS family WHERE rank = 1\n",
        tests=LIMITS,
    ),
    Fault(
        name="Who waits where there is no room yet is called",
        clause="Locks",
        file=_LOCKS,
        before=") AS family WHERE rank <= most\n",
        after=") AS family\n",
        tests=LIMITS,
    ),
    Fault(
        name="All who hold a name are called when one of them ends",
        clause="Locks",
        file=_LOCKS,
        before="WHERE wake_at IS NOT NULL AND options ? 'blocked' AND id IN (",
        after="WHERE wake_at IS NOT NULL AND id IN (",
        tests=LIMITS,
    ),
    Fault(
        name="A family loses its place when the first of it ends",
        clause="Locks",
        file=_LOCKS,
        before="coalesce(family.most, wanted.most), family.place\n",
        after="coalesce(family.most, wanted.most), NULL\n",
        tests=OF_FAMILIES,
    ),
    Fault(
        name="A child that names fewer than its family is let in",
        clause="Locks",
        file=_FAMILY,
        before="        if limits[each.key] < each.most:\n",
        after="        if limits[each.key] < 1:\n",
        tests=OF_FAMILIES,
    ),
    Fault(
        name="What is born together does not know of each other's limits",
        clause="Locks",
        file=_FAMILY,
        before="    named |= {each.key: each.most for each in found}\n",
        after="",
        tests=OF_FAMILIES,
    ),
    Fault(
        name="Whoever waits behind a cycle gives way",
        clause="L2",
        file=_DEADLOCKS,
        before="    return sagas.cycle(saga_id) if saga_id in sagas.turns else []\n",
        after="    return [*sagas.queues] if saga_id in sagas.turns else []\n",
        tests=DEADLOCKS,
    ),
    Fault(
        name="A cycle is one though another holder can go on",
        clause="L2",
        file=_DEADLOCKS,
        before="                    self.queues[key].remove(turn)\n",
        after="                    continue\n",
        tests=DEADLOCKS,
    ),
    Fault(
        name="A saga is believed to end while one below it waits",
        clause="L2",
        file=_DEADLOCKS,
        before="        return [name for name in names if name in self.turns]\n",
        after="        return [name for name in names if name == saga_id]\n",
        tests=DEADLOCKS,
    ),
    Fault(
        name="All who look at a cycle at one moment give way",
        clause="L2",
        file=_FAMILY,
        before="""\
        locks.guard({*cycle, *locks.keys_of(locked.id)})
        cycle = deadlocks.cycle(locks.linked(locked.family_id), saga_id)
""",
        after="        locks.guard({*cycle, *locks.keys_of(locked.id)})\n",
        tests=DEADLOCKS,
    ),
    Fault(
        name="A cycle of three goes unseen",
        clause="L2",
        file=_LOCKS,
        before="    UNION\n    SELECT theirs.key FROM wanted\n",
        after="    UNION\n    SELECT theirs.key FROM (SELECT NULL AS key) AS wanted\n",
        tests=DEADLOCKS,
    ),
    Fault(
        name="A saga that turns back is told of a deadlock",
        clause="R9",
        file="sagas/machine/__init__.py",
        before="    if draft.state.status not in GOING_FORWARD:\n",
        after="    if draft.state.status in ():\n",
        tests=("machine/test_turning_back", "engine/test_deadlocks"),
    ),
    Fault(
        name="A name may be locked and limited",
        clause="Locks",
        file=_VALIDATION,
        before="    if both := sorted(locks.keys() & limits.keys()):\n",
        after="    if both := sorted(locks.keys() & limits.keys() & {0}):\n",
        tests=LIMITS,
    ),
    Fault(
        name="A limit is not asked for its bounds",
        clause="Locks",
        file=_VALIDATION,
        before="        if type(most) is not int or not 0 < most <= HIGHEST_LIMIT:\n",
        after="        if not isinstance(most, int):\n",
        tests=LIMITS,
    ),
    Fault(
        name="Sagas with limits are started as those that wait for nobody",
        clause="Locks",
        file="sagas/machine/definition.py",
        before="        return self.locks is not None or self.limits is not None\n",
        after="        return self.locks is not None\n",
        tests=LIMITS,
    ),
)
