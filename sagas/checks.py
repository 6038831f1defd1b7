"""System checks of the executions that are under way: `manage.py check --database default`.

Like any check of a database they are also run by `migrate`, which an error stops: before a deploy
strands what is live. `--skip-checks`, or SILENCED_SYSTEM_CHECKS, lets it go on.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, ProgrammingError, connection, transaction

from sagas.conf import conf
from sagas.machine import TERMINAL
from sagas.models import SagaExecution
from sagas.moments import as_number, from_number
from sagas.registry import registry
from sagas.whatif.compatibility import Incompatibility, problems

UNACCOUNTED: Final = f"""
-- Live executions that have another definition than those that are known, or none: one row for
-- each place where they stand, with one of them as a sample.
WITH known AS (
    SELECT * FROM unnest(%(types)s::text[], %(versions)s::integer[], %(digests)s::text[])
        AS known (saga_type, version, digest)
), places AS (
    SELECT min(one.id) AS id, count(*) AS how_many,
           ARRAY[min(one.saga_id), max(one.saga_id)] AS examples
    FROM sagas_sagaexecution AS one LEFT JOIN sagas_sagaexecution AS root ON root.id = one.root_id
    -- A completed child is undone if its family turns back.
    WHERE (one.status <> ALL(%(terminal)s)
           OR (one.status = 'completed' AND root.status <> ALL(%(terminal)s)))
      AND NOT EXISTS (
          SELECT FROM known WHERE known.saga_type = one.saga_type
          AND known.version = one.version AND one.definition_digest IN (known.digest, '')
      )
    GROUP BY one.saga_type, one.version, one.definition_digest, one.status,
             one.options -> 'held', one.options -> 'forward_only', (
        SELECT jsonb_object_agg(name, ARRAY[
            step ->> 'status', step ->> 'effect', (step ? 'holder')::text, (step ? 'children')::text
        ]) FROM jsonb_each(one.steps) AS each (name, step)
    )
)
SELECT sample.*, places.how_many, places.examples, {as_number("clock_timestamp()")} AS now
FROM places JOIN sagas_sagaexecution AS sample USING (id) ORDER BY sample.id
"""  # noqa: S608  (its own constants)

EXAMPLES: Final = 3
"""saga_ids to a message: enough to look one up."""

PATIENCE: Final = "5min"
"""For the one statement, which may read every row: far from a migration's own times."""


@register(Tags.database)
def check_live_executions(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """What is under way can be continued by the definitions at hand (S12)."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    found: dict[tuple[str, int, str], _Group] = defaultdict(_Group)
    for place in _places():
        definition = registry.find(place.saga_type, place.version)
        first = problems(definition, place, from_number(place.now))[0]
        kind = "E003" if definition is None else "E004" if first.breaks else "W002"
        found[place.saga_type, place.version, kind].add(place, first)
    return [_message(*key, group) for key, group in found.items()]


WAITS: Final = """
SELECT pg_backend_pid(), name, setting FROM pg_settings
WHERE name IN ('lock_timeout', 'statement_timeout') AND setting = '0'
"""


@register(Tags.database)
def check_session(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """A pooler between here and PostgreSQL is one that this project knows of, and waits end."""
    if DEFAULT_DB_ALIAS not in (databases or ()) or connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
        cursor.execute(WAITS)
        endless = [name for _, name, _ in cursor.fetchall()]
        is_pooled = pid != connection.connection.info.backend_pid
    pooler = conf.POOLER
    if is_pooled and not pooler:
        text = "There is a pooler in front of PostgreSQL, but SAGAS['POOLER'] is not set."
        hint = "Set it to the pooler's mode, session or transaction (docs/sessions.md)."
        return [Warning(text, hint=hint, id="sagas.W010")]
    if endless and pooler != "transaction":
        text = f"The database's {' and '.join(sorted(endless))} are not set: waits have no limit."
        hint = (
            'Write OPTIONS = {"options": "-c lock_timeout=5s -c statement_timeout=15s"} into '
            "DATABASES, or ALTER ROLE … SET in PostgreSQL."
        )
        return [Warning(text, hint=hint, id="sagas.W011")]
    return []


@dataclass(slots=True)
class _Group:
    """Executions of one type and version that have one thing wrong."""

    how_many: int = 0
    examples: tuple[str, ...] = ()
    first: Incompatibility | None = None

    def add(self, place: Any, first: Incompatibility) -> None:
        self.how_many += place.how_many
        self.examples = tuple(dict.fromkeys([*self.examples, *place.examples]))[:EXAMPLES]
        self.first = self.first or first


def _places() -> list[Any]:
    """Rows with `how_many`, `examples` and `now`; none where the tables are not there yet."""
    known = list(registry)
    values = {
        "types": [saga.saga_type for saga in known],
        "versions": [saga.version for saga in known],
        "digests": [saga.digest for saga in known],
        "terminal": [status.value for status in TERMINAL],
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{PATIENCE}'")
            return list(SagaExecution.objects.raw(UNACCOUNTED, values))
    except ProgrammingError:
        return []


def _message(saga_type: str, version: int, kind: str, group: _Group) -> CheckMessage:
    assert group.first is not None, "a group has at least one"
    what = (
        f"{group.how_many} live execution(s) of {saga_type!r}, version {version} "
        f"({', '.join(group.examples)})"
    )
    hint = f"{group.first.message} `manage.py saga compat` looks at each of them."
    match kind:
        case "E003":
            return Error(f"{what} have no definition here.", hint=hint, id="sagas.E003")
        case "E004":
            text = (
                f"{what} can't go on with this definition: it differs from the one they began with."
            )
            return Error(text, hint=hint, id="sagas.E004")
        case _:
            return Warning(f"{what} began with another definition.", hint=hint, id="sagas.W002")
