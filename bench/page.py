"""The tables of docs/benchmarks.md, out of bench/results/latest.json: `python -m bench.page`.

What stands between the two marks of the page is written anew; the rest is written by people.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.results import COLUMNS, cell
from bench.sizes import LATEST
from bench.stage import ROOT

PAGE: Final = ROOT / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- From bench/results/latest.json, by `make docs`: -->"
END: Final = "<!-- Until here. -->"

TITLES: Final = {
    "statements": "Statements, the starts', the wake loops' and the relay's among them",
    "starts": "Starts, with nobody at work",
    "wake": "A backlog whose hints are lost, beside one that has them",
    "growth": "Beside finished and parked executions",
    "contexts": "Contexts of several sizes",
    "processes": "Workers",
}


def generated(report: Mapping[str, Any]) -> str:
    """All tables, in Markdown."""
    told = [f"{key} {value}" for key, value in report["machine"].items()]
    parts = [f"Measured on: {', '.join(told)}."]
    rows = report["rows"]
    parts.append(table([*filter(_was_measured, rows)]))
    for row in rows:
        if not _was_measured(row):
            why = f"failed: {row['failed']}" if "failed" in row else f"skipped: {row['skipped']}"
            parts.append(f"{row['system']}, {row['broker']}, {row['pool']}: {why}")
    for name, title in TITLES.items():
        if found := report.get(name):
            parts += [f"### {title}", table(found)]
    return "\n\n".join(parts)


def _was_measured(row: Mapping[str, Any]) -> bool:
    return "failed" not in row and "skipped" not in row


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """In Markdown, a column for each key, numbers to the right."""
    keys = [key for key in dict.fromkeys(key for row in rows for key in row) if key != "runs"]
    numbers = {key for key in keys if any(isinstance(row.get(key), int | float) for row in rows)}
    lines = [
        f"| {' | '.join(COLUMNS.get(key, key) for key in keys)} |",
        f"|{'|'.join('--:' if key in numbers else '---' for key in keys)}|",
        *(f"| {' | '.join(cell(row.get(key)) for key in keys)} |" for row in rows),
    ]
    return "\n".join(lines)


def with_tables(page: str, report: Mapping[str, Any]) -> str:
    """The page with its tables of that report."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{generated(report)}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(), json.loads(LATEST.read_text())))
