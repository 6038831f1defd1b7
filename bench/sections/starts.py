"""How fast sagas start while nobody works: one by one, and in bulk."""

from typing import Any

from bench import cpu
from bench.sections.alone import running
from bench.sizes import Options
from bench.stage import Stage


def starts(stage: Stage, options: Options) -> list[dict[str, Any]]:
    """A row for each way that the engine has."""
    rows = []
    with running(stage, options, workers=0) as client:
        roots = [*stage.roots(None), *client.roots]
        for way in ("start_one_by_one", *(["start_in_bulk"] if client.ask("has_bulk") else [])):
            client.ask(way, count=100)
            before, count = cpu.used(roots), options.sizes.starts
            seconds = client.ask(way, count=count)
            used = cpu.used(roots) - before
            rows.append(
                {
                    "way": way.removeprefix("start_").replace("_", " "),
                    "starts_s": round(count / seconds, 1),
                    "cpu_s_per_1000": round(used / count * 1000, 2),
                }
            )
    return rows
