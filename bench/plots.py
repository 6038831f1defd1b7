"""The drawings of docs/benchmarks.md, out of bench/results/latest.json. In the peers' environment.

The same figures give the same files, byte by byte. They stand on whatever ground the page has, so
their ink is a grey, and colours, that can be read on white and on black.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.axes import Axes

ROOT: Final = Path(__file__).resolve().parent.parent
LATEST: Final = ROOT / "bench" / "results" / "latest.json"
DOCS: Final = ROOT / "docs"

INK: Final = "#7d8590"
COLOURS: Final = {"valkey": "#2f81f7", "rabbitmq": "#e8710a", "none": "#8957e5"}

mpl.use("svg")
mpl.rcParams |= {
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "benchmarks",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.3,
}

Rows = Sequence[Mapping[str, Any]]


def best(rows: Rows, key: str) -> dict[str, dict[str, float]]:
    """System → broker → the figure of its best pool, which comes first."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.get(key) is not None:
            found.setdefault(row["system"], {}).setdefault(row["broker"] or "none", row[key])
    return found


def bars(axes: Axes, figures: Mapping[str, Mapping[str, float]], title: str) -> None:
    """A group for each system, a bar in it for each broker, its figure at its end."""
    places, labels, seen = [], [], set()
    place = 0.0
    for system, by_broker in figures.items():
        first = place
        for broker, value in by_broker.items():
            label = None if broker in seen else "without a broker" if broker == "none" else broker
            seen.add(broker)
            bar = axes.barh(place, value, 0.8, color=COLOURS[broker], label=label)
            axes.bar_label(
                bar,
                fmt=lambda value: f"{value:,.3g}" if value < 100 else f"{value:,.0f}",
                padding=3,
            )
            place += 1
        places.append((first + place - 1) / 2)
        labels.append(system)
        place += 0.6
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.set_title(title, loc="left")
    axes.figure.legend(frameon=False, loc="outside lower center", ncols=3)


def lines(axes: Axes, rows: Rows, x: str, title: str) -> None:
    """Throughput over one column; every x has the same room."""
    labels = [f"{row[x]:,}" for row in rows]
    values = [row["steps_s"] for row in rows]
    axes.plot(range(len(rows)), values, "o-", color=COLOURS["valkey"])
    axes.set_xticks(range(len(rows)), labels)
    axes.set_ylim(0, 1.15 * max(values))
    axes.grid(axis="y")
    axes.set_xlabel(x)
    axes.set_ylabel("steps/s")
    axes.set_title(title, loc="left")


def save(name: str) -> None:
    path = DOCS / f"benchmarks-{name}.svg"
    pyplot.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
    pyplot.close()


def main() -> None:
    """Draws what there are figures for."""
    report = json.loads(LATEST.read_text())
    for key, name, title in (
        ("steps_s", "throughput", "Steps a second"),
        ("p50_ms", "latency", "Median ms of five steps at rest"),
        ("cpu_s_per_1000", "cpu", "CPU seconds for 1,000 steps"),
    ):
        figures = best(report["rows"], key)
        count = sum(map(len, figures.values()))
        _, axes = pyplot.subplots(figsize=(8, 1.5 + 0.32 * count + 0.15 * len(figures)))
        bars(axes, figures, title)
        save(name)
    sections = [
        ("growth", "finished", "Beside finished executions"),
        ("contexts", "kilobytes", "KB of context"),
        ("processes", "workers", "Workers"),
    ]
    drawn = [each for each in sections if report.get(each[0])]
    if drawn:
        _, all_axes = pyplot.subplots(1, len(drawn), figsize=(8, 2.8), squeeze=False)
        for axes, (section, x, title) in zip(all_axes[0], drawn, strict=True):
            rows = [row for row in report[section] if not row.get("parked")]
            lines(axes, rows, x, title)
        save("engine")


if __name__ == "__main__":
    main()
