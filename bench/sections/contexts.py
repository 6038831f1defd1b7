"""What a saga's context weighs: its five steps with contexts of several sizes."""

from typing import Any, Final

from bench.sections.alone import figures, running
from bench.sizes import Options
from bench.stage import Stage

KILOBYTES: Final = (0, 1, 32, 256)
"""The last is the most that the engine takes."""


def contexts(stage: Stage, options: Options) -> list[dict[str, Any]]:
    """A row for each size."""
    with running(stage, options) as client:
        return [
            {"kilobytes": size} | figures(stage, options.sizes, client, kilobytes=size)
            for size in KILOBYTES
        ]
