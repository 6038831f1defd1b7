"""How fast a backlog is worked off whose hints are lost, beside one that has them.

Sagas of one step, so that each needs a hint. Each backlog is worked off to its end: what it costs
to look at it is a part of it, whenever the wake loop does so. Both are of one size: in either one
the loop looks at whatever has waited for longer than a hint is trusted.
"""

import time
from contextlib import ExitStack
from statistics import median
from typing import Any, Final

import psycopg

from bench.drivers.driver import until
from bench.filling import multiply
from bench.processes import driven
from bench.sections.alone import there_and_back
from bench.sizes import Options
from bench.stage import LOGS, Stage, emptied, settle
from bench.systems import engine

DUE: Final = {"wake_at": "clock_timestamp() - interval '1 hour' + nth * interval '1 microsecond'"}
ENDED: Final = "SELECT count(*) FROM sagas_sagaexecution WHERE status = 'completed'"
IS_LEFT: Final = "SELECT EXISTS (SELECT FROM sagas_sagaexecution WHERE wake_at IS NOT NULL)"
"""By an index: to read all rows that are done again and again would be a part of the load."""

LOOK: Final = 0.5
"""Seconds between two looks whether any is left."""

FIRST_LOOK: Final = 0.05
"""Seconds between two looks whether one is done: even a small backlog must not be over by then."""

TURNS: Final = 2
"""Of each kind: one takes about a minute."""

LIMIT: Final = 900.0
"""Seconds for a backlog to be worked off."""


def wake(stage: Stage, options: Options) -> list[dict[str, Any]]:
    """A row for each kind of backlog; `runs` are the steps a second of each time."""
    sagas = options.sizes.backlog
    runs: tuple[list[float], list[float]] = [], []
    for is_due in there_and_back(2, min(options.sizes.turns, TURNS)):
        runs[is_due].append(_rate(stage, options, sagas, due=bool(is_due)))
    hinted, due = _row("with hints", sagas, runs[0]), _row("due", sagas, runs[1])
    return [hinted, due | {"ratio": round(due["steps_s"] / hinted["steps_s"], 2)}]


def _row(backlog: str, sagas: int, runs: list[float]) -> dict[str, Any]:
    return {"backlog": backlog, "sagas": sagas, "steps_s": round(median(runs), 1), "runs": runs}


def _rate(stage: Stage, options: Options, count: int, *, due: bool) -> float:
    """Makes a backlog while nobody works, then sees how fast it is worked off."""
    with ExitStack() as exits:
        database_url = exits.enter_context(stage.database())
        broker = exits.enter_context(stage.broker("valkey"))
        env = stage.environment(database_url, emptied(broker, stage.valkey_url))
        recipe = engine(env, options.pools[0])
        with driven(LOGS, stage.interrupts, [], recipe.driving) as client:
            if due:
                one = client.ask("example", saga_type="bench_single", wait=False)
                multiply(database_url, one, count, "due-", DUE)
                emptied(broker, stage.valkey_url)
            else:
                client.ask("start", count=count, saga_type="bench_single")
        settle(stage.database_url)
        exits.enter_context(driven(LOGS, stage.interrupts, recipe.workers, recipe.driving))
        return _drained(database_url)


def _drained(database_url: str) -> float:
    """Steps a second, from the first look that finds one done until nothing is left."""
    with psycopg.connect(database_url, autocommit=True) as session:

        def number_of(sql: str) -> int:
            [number] = session.execute(sql).fetchone() or [0]
            return int(number)

        until(lambda: number_of(ENDED), FIRST_LOOK)
        began, first = time.perf_counter(), number_of(ENDED)
        until(lambda: not number_of(IS_LEFT), LOOK, LIMIT)
        return round((number_of(ENDED) - first) / (time.perf_counter() - began), 1)
