"""What the engine's speed is beside all that it has kept: finished executions, and parked ones.

Each state has a database of its own, and all of them take turns: what the machine gains or loses
from one minute to the next is nobody's alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench.filling import multiply
from bench.rates import Measured, medians, quantile
from bench.sections.alone import batches, running, there_and_back
from bench.sizes import Options
from bench.stage import Stage

FINISHED: Final = {
    "created_at": "created_at - nth * interval '1 second'",
    "updated_at": "updated_at - nth * interval '1 second'",
    "finished_at": "finished_at - nth * interval '1 second'",
}
"""One each second: nothing in a table that grew by itself has all the same time."""

PARKED: Final = {"created_at": FINISHED["created_at"], "updated_at": FINISHED["updated_at"]}

State = dict[str, int]
"""So many executions that are `finished` and `parked`."""


@dataclass(frozen=True)
class Turn:
    """What was measured of one state at one time; `claims` are seconds each."""

    batch: Measured
    claims: Sequence[float]


def growth(stage: Stage, options: Options) -> list[dict[str, Any]]:
    """A row for each number of finished ones, of which the first is 0, and one for the parked."""
    sizes = options.sizes
    states: list[State] = [{"finished": number, "parked": 0} for number in sizes.finished]
    states.append({"finished": 0, "parked": sizes.parked})
    turns: list[list[Turn]] = [[] for _ in states]
    with ExitStack() as exits:
        urls = [exits.enter_context(_filled(stage, options, **state)) for state in states]
        for number in there_and_back(len(states), sizes.turns):
            turns[number].append(_turn(stage, options, urls[number]))
    return compared([state | together(each) for state, each in zip(states, turns, strict=True)])


@contextmanager
def _filled(stage: Stage, options: Options, finished: int, parked: int) -> Iterator[str]:
    """The URL of a database with so many of them, for as long as the block lasts."""
    with stage.database() as url:
        with running(stage, options, database_url=url) as client:
            old = client.ask("example", saga_type="bench_single")
            waiting = client.ask("example", saga_type="bench_parked")
        multiply(url, old, finished, "old-", FINISHED)
        multiply(url, waiting, parked, "parked-", PARKED)
        yield url


def _turn(stage: Stage, options: Options, database_url: str) -> Turn:
    with running(stage, options, database_url=database_url) as client:
        [batch] = batches(stage, options.sizes, client, times=1)
        return Turn(batch, client.ask("claims", count=options.sizes.claims))


def together(turns: Sequence[Turn]) -> dict[str, Any]:
    """Of all turns of one state: medians, and the slowest claims of all of them together."""
    claims = [claim for turn in turns for claim in turn.claims]
    return medians([turn.batch for turn in turns]) | {
        "claim_p50_ms": round(median(quantile(turn.claims, 0.5) for turn in turns), 2),
        "claim_p99_ms": quantile(claims, 0.99),
    }


def compared(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, each with its `ratio` to the first, which is empty: the median of those of the
    turns that both had in one round. A machine differs more from one round to the next."""
    empty, *others = rows
    return [empty, *(row | {"ratio": _ratio(row["runs"], empty["runs"])} for row in others)]


def _ratio(runs: Sequence[float], base: Sequence[float]) -> float:
    return round(median(run / beside for run, beside in zip(runs, base, strict=True)), 2)
