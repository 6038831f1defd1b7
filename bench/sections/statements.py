"""How many statements a step costs, counted by PostgreSQL (pg_stat_statements).

The starts of the sagas are among them, the wake loops and the relays, too: each is a fifth of a
statement for a step, or less. On a server of its own, because the others are not asked to count.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from bench.drivers.driver import STEPS
from bench.processes import Client
from bench.rates import count_for, warmed_up
from bench.sizes import Options
from bench.stage import FOLDER, Stage, stage
from bench.systems import SYSTEMS
from sagas.devserver.interrupts import Interrupts
from sagas.devserver.servers import administrator, local_postgres

SERVER: Final = FOLDER.with_name("profile")

COUNTED: Final = """
SELECT regexp_replace(query, '\\s+', ' ', 'g'), calls, total_exec_time / 1000
FROM pg_stat_statements JOIN pg_database AS d ON d.oid = dbid
WHERE d.datname = current_database()
  AND query NOT LIKE 'SELECT EXISTS (SELECT FROM%' AND query NOT LIKE '%pg_stat_statements%'
ORDER BY calls DESC
"""
"""Without the driver's own looks whether all is done."""

REFERENCES: Final = "FOR KEY SHARE OF x"
"""What PostgreSQL itself asks to check a foreign key: no round trip of anybody."""

TRANSACTION: Final = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
"""A round trip each, unless they go along with another statement."""


@dataclass(frozen=True)
class Statement:
    """`seconds` in the server, of all its calls."""

    text: str
    calls: int
    seconds: float

    def as_row(self, steps: int) -> dict[str, Any]:
        return {
            "statement": self.text[:60],
            "for a step": self.calls / steps,
            "µs": self.seconds / steps * 1e6,
        }


def statements(stage: Stage, options: Options) -> list[dict[str, Any]]:
    """A row for each mode of the engine."""
    with counting_stage(stage.interrupts) as found:
        return [_row(found, options, name) for name in ("engine-run-on", "engine-message")]


def _row(stage: Stage, options: Options, name: str) -> dict[str, Any]:
    with SYSTEMS[name].on_valkey(stage, options.pools[0]) as client:
        count = count_for(warmed_up(client, options.sizes), options.sizes.seconds)
        found = counted(client, count)
    steps = count * STEPS
    asked = [each for each in found if not each.text.endswith(REFERENCES)]
    borders = [each for each in asked if each.text.startswith(TRANSACTION)]
    return {
        "system": name,
        "statements_per_step": round(_calls(asked) / steps, 2),
        "begin_commit_per_step": round(_calls(borders) / steps, 2),
        "server_us_per_step": round(sum(each.seconds for each in found) / steps * 1e6, 1),
    }


def _calls(found: Sequence[Statement]) -> int:
    return sum(each.calls for each in found)


def counted(client: Client, count: int) -> list[Statement]:
    """The statements of so many sagas, the most frequent first."""
    with psycopg.connect(client.database_url, autocommit=True) as session:
        session.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        session.execute("SELECT pg_stat_statements_reset()")
        client.ask("batch", count=count)
        return [Statement(*row) for row in session.execute(COUNTED)]


@contextmanager
def counting_stage(interrupts: Interrupts) -> Iterator[Stage]:
    """One whose PostgreSQL counts; it does so from its second start on."""
    with local_postgres(SERVER, interrupts) as url, administrator(url) as session:
        session.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    with stage(interrupts, SERVER) as found:
        yield found
