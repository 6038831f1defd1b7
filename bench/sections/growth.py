"""What the engine's speed is beside all that it has kept: finished executions, and parked ones."""

from typing import Any, Final

from bench.filling import multiply
from bench.processes import Client
from bench.rates import quantile
from bench.sections.alone import figures, running
from bench.sizes import Options, Sizes
from bench.stage import Stage

FINISHED: Final = {
    "created_at": "created_at - nth * interval '1 second'",
    "updated_at": "updated_at - nth * interval '1 second'",
    "finished_at": "finished_at - nth * interval '1 second'",
}
"""One each second: nothing in a table that grew by itself has all the same time."""

PARKED: Final = {"created_at": FINISHED["created_at"], "updated_at": FINISHED["updated_at"]}


def growth(stage: Stage, options: Options) -> list[dict[str, Any]]:
    """A row for each number of finished ones, in one database that grows; then the parked ones in
    another, after it was measured empty."""
    sizes, rows = options.sizes, []
    with running(stage, options) as client:
        one, there = client.ask("example", saga_type="bench_single"), 0
        for finished in sizes.finished:
            multiply(client.database_url, one, finished - there, f"old-{finished}-", FINISHED)
            there = finished
            rows.append({"finished": finished, "parked": 0} | _figures(stage, sizes, client))
    with running(stage, options) as client:
        rows.append({"finished": 0, "parked": 0} | _figures(stage, sizes, client))
        one = client.ask("example", saga_type="bench_parked")
        multiply(client.database_url, one, sizes.parked, "parked-", PARKED)
        rows.append({"finished": 0, "parked": sizes.parked} | _figures(stage, sizes, client))
    return rows


def _figures(stage: Stage, sizes: Sizes, client: Client) -> dict[str, float]:
    found = figures(stage, sizes, client)
    claims = client.ask("claims", count=sizes.claims)
    return found | {"claim_p50_ms": quantile(claims, 0.5), "claim_p99_ms": quantile(claims, 0.99)}
