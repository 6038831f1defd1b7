"""What more workers do."""

from typing import Any, Final

from bench.sections.alone import figures, running
from bench.sizes import Options
from bench.stage import Stage

WORKERS: Final = (1, 2, 4)
"""Of a pool of the size that was asked for, each."""


def processes(stage: Stage, options: Options) -> list[dict[str, Any]]:
    """A row for each number of workers."""
    rows: list[dict[str, Any]] = []
    for workers in WORKERS:
        with running(stage, options, workers) as client:
            rows.append({"workers": workers} | figures(stage, options.sizes, client))
    return rows
