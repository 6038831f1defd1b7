"""Faults in what the engine does about sessions of PostgreSQL (R22, R23, R27)."""

from typing import Final

from tests.mutation.fault import Fault

_SESSIONS = "sagas/store/sessions.py"
_RECOVERY = "sagas/store/recovery.py"
_STATEMENTS = "sagas/store/statements.py"

ILL = ("engine/test_sessions",)
DIRTY = ("worker/test_dirty_sessions",)
STATEMENTS = ("engine/test_statements",)

SESSION_FAULTS: Final = (
    Fault(
        name="A session that turned read-only is used for ever",
        clause="R22",
        file=_RECOVERY,
        before='    "25006": "it reads only: a standby, or the old primary after a failover",\n',
        after="",
        tests=ILL,
    ),
    Fault(
        name="A session whose prepared statements are gone is used for ever",
        clause="R22",
        file=_RECOVERY,
        before='    "26000": ',
        after='    "none": ',
        tests=ILL,
    ),
    Fault(
        name="A plan that a migration has changed is used for ever",
        clause="R22",
        file=_RECOVERY,
        before='    "0A000": ',
        after='    "none": ',
        tests=ILL,
    ),
    Fault(
        name="A session with another search_path is used for ever",
        clause="R22",
        file=_RECOVERY,
        before="    return is_lost(error) or sqlstate_of(error) in CHANGED\n",
        after="    return is_lost(error)\n",
        tests=ILL,
    ),
    Fault(
        name="The look-up before an operator's fact is outside of what reconnects",
        clause="R22",
        file="sagas/engine/operating.py",
        before="@recovery.repeated\ndef hand_in",
        after="def hand_in",
        tests=ILL,
    ),
    Fault(
        name="A start is lost with its session",
        clause="R22",
        file="sagas/engine/starting.py",
        before="@recovery.repeated\ndef _start_one",
        after="def _start_one",
        tests=ILL,
    ),
    Fault(
        name="A start of many is lost with its session",
        clause="R22",
        file="sagas/engine/starting.py",
        before="@recovery.repeated\ndef _start_all",
        after="def _start_all",
        tests=ILL,
    ),
    Fault(
        name="A caller's transaction leaves its useless session to the next one",
        clause="R22",
        file=_RECOVERY,
        before="        if is_gone(error):\n",
        after="        if False:\n",
        tests=ILL,
    ),
    Fault(
        name="Claims and reports go over the session that actions use",
        clause="R23",
        file=_SESSIONS,
        before="        if not _here.has_own or (",
        after="        if True or (",
        tests=DIRTY,
    ),
    Fault(
        name="An action that left a transaction open has succeeded",
        clause="R23",
        file="sagas/engine/work.py",
        before="        if left:\n            raise TransactionLeftOpen(left)\n",
        after="",
        tests=DIRTY,
    ),
    Fault(
        name="A transaction that libpq knows of is not looked for",
        clause="R23",
        file=_SESSIONS,
        before='    return "" if idle else "a transaction was left open"\n',
        after='    return ""\n',
        tests=DIRTY,
    ),
    Fault(
        name="A signal inside an action's transaction goes past that",
        clause="R23, S9",
        file="sagas/engine/work.py",
        before="            with sessions.without_own():\n",
        after="            if True:\n",
        tests=DIRTY,
    ),
    Fault(
        name="An atomic step that left a block open has succeeded",
        clause="R23",
        file="sagas/engine/working.py",
        before="    if left:\n        raise TransactionLeftOpen(left)\n",
        after="",
        tests=DIRTY,
    ),
    Fault(
        name="Statements are named by a counter",
        clause="R27",
        file=_STATEMENTS,
        before='name = b"sagas_" + hashlib.blake2b(numbered.encode(), digest_size=16)'
        ".hexdigest().encode()",
        after='name = f"sagas_{len(self._prepared)}".encode()',
        tests=STATEMENTS,
    ),
    Fault(
        name="Statements are prepared behind a pooler that shares sessions",
        clause="R27",
        file=_STATEMENTS,
        before='    return bool(conf.POOLER != "transaction")\n',
        after="    return True\n",
        tests=STATEMENTS,
    ),
    Fault(
        name="Waits have no limit behind a pooler that shares sessions",
        clause="R27",
        file=_STATEMENTS,
        before="    cursor.execute(limits + sql, values)\n",
        after="    cursor.execute(sql, values)\n",
        tests=STATEMENTS,
    ),
    Fault(
        name="Waits have no limit behind a pooler in session mode",
        clause="R27",
        file=_SESSIONS,
        before='pooler() == "session" and limits_here()',
        after="False",
        tests=STATEMENTS,
    ),
    Fault(
        name="Behind a pooler the relay's lead outlives its session",
        clause="R27, L3",
        file="sagas/engine/relaying.py",
        before='    if sessions.pooler() != "transaction":\n',
        after="    if True:\n",
        tests=STATEMENTS,
    ),
)
