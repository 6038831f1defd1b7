"""How fast a backlog is worked off of which no hint is on the queue, beside one that has its hints.

Sagas of one step, so that each needs a message. For the time of the measurement neither backlog
comes to its end.
"""

import time
from contextlib import ExitStack
from typing import Any, Final

import psycopg

from bench.drivers.driver import until
from bench.filling import multiply
from bench.processes import Failed, driven
from bench.sizes import Options
from bench.stage import LOGS, Stage, emptied, settle
from bench.systems import engine

DUE: Final = {"wake_at": "clock_timestamp() - interval '1 hour' + nth * interval '1 microsecond'"}
ENDED: Final = "SELECT count(*) FROM sagas_sagaexecution WHERE status = 'completed'"
LOOK: Final = 0.5
"""Seconds between two looks how many have ended: each reads the whole table."""

WARM_UP: Final = 2.0
"""Seconds after the first end: pools are filled, and the wake loop is in its stride."""


def wake(stage: Stage, options: Options) -> list[dict[str, Any]]:
    """A row for each kind of backlog."""
    sizes = options.sizes
    hinted = _rate(stage, options, sizes.hinted, due=False)
    due = _rate(stage, options, sizes.due, due=True)
    return [
        {"backlog": "with hints", "sagas": sizes.hinted, "steps_s": hinted},
        {"backlog": "due", "sagas": sizes.due, "steps_s": due, "ratio": round(due / hinted, 2)},
    ]


def _rate(stage: Stage, options: Options, count: int, *, due: bool) -> float:
    """Makes a backlog while nobody works, then sees for a while how fast it shrinks."""
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
        return _drained(database_url, options.sizes.drained, count)


def _drained(database_url: str, seconds: float, count: int) -> float:
    """Steps a second, over so long, or until nothing is left."""
    with psycopg.connect(database_url, autocommit=True) as session:

        def ended() -> int:
            [number] = session.execute(ENDED).fetchone() or [0]
            return int(number)

        until(ended, LOOK)
        time.sleep(WARM_UP)
        began, first = time.perf_counter(), ended()
        if first >= count:
            raise Failed(f"{count} steps were done before the measurement began: give it more")
        until(lambda: time.perf_counter() - began >= seconds or ended() >= count, LOOK)
        return round((ended() - first) / (time.perf_counter() - began), 1)
