"""Many executions out of one real one: a table as it is after years, within a minute.

What the engine wrote for one is copied by SQL, the row and its events, under other keys. Whatever
columns a table has are copied as they are, so this needs no care when the engine gets new ones.
"""

from collections.abc import Mapping
from typing import Final

import psycopg
from psycopg import sql

ROWS: Final = "sagas_sagaexecution"
EVENTS: Final = "sagas_sagaevent"

COLUMNS: Final = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum
"""

COPY_ROWS: Final = """
INSERT INTO {rows} ({columns}, saga_id, {others})
SELECT {columns}, %(prefix)s || nth, {values}
FROM {rows} CROSS JOIN generate_series(1, %(count)s) AS nth WHERE id = %(id)s
"""

COPY_EVENTS: Final = """
INSERT INTO {events} ({columns}, execution_id, data)
SELECT {old}, made.id,
       CASE WHEN one.data ? 'saga_id'
            THEN one.data || jsonb_build_object('saga_id', made.saga_id) ELSE one.data END
FROM {rows} AS made CROSS JOIN {events} AS one
WHERE one.execution_id = %(id)s AND made.id > %(last)s
"""


def multiply(
    database_url: str, execution_id: int, count: int, prefix: str, changed: Mapping[str, str]
) -> None:
    """Copies an execution and its events so often; the copies' ids are above all others.

    `changed` has SQL for the columns that differ, in which `nth` counts from 1. The
    tables are analyzed afterwards.
    """
    if count == 0:
        return
    with psycopg.connect(database_url, autocommit=True) as session:
        # The events' references are right by their making; to look each up would take minutes.
        session.execute("SET session_replication_role = replica")
        [last] = session.execute("SELECT max(id) FROM sagas_sagaexecution").fetchone() or [0]
        names = _columns(session, ROWS) - {"id", "saga_id", *changed}
        statement = sql.SQL(COPY_ROWS).format(
            rows=sql.Identifier(ROWS),
            columns=_listed(names),
            others=_listed(changed),
            values=sql.SQL(", ").join(sql.SQL(each) for each in changed.values()),
        )
        values = {"id": execution_id, "prefix": prefix, "count": count, "last": last}
        session.execute(statement, values)
        names = _columns(session, EVENTS) - {"execution_id", "data"}
        statement = sql.SQL(COPY_EVENTS).format(
            rows=sql.Identifier(ROWS),
            events=sql.Identifier(EVENTS),
            columns=_listed(names),
            old=sql.SQL(", ").join(sql.Identifier("one", name) for name in sorted(names)),
        )
        session.execute(statement, values)
        session.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(ROWS)))
        session.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(EVENTS)))


def _columns(session: psycopg.Connection, table: str) -> set[str]:
    return {name for (name,) in session.execute(COLUMNS, [table])}


def _listed(names: set[str] | Mapping[str, str]) -> sql.Composed:
    ordered = sorted(names) if isinstance(names, set) else names
    return sql.SQL(", ").join(map(sql.Identifier, ordered))
