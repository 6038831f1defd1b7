"""docs/gallery.md, made of the examples: `python -m examples.gallery.page`."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

from examples.gallery.samples import SAMPLES
from sagas import Saga
from sagas.whatif.graph import flowchart

FOLDER: Final = Path(__file__).parent

INTRODUCTION: Final = """\
# A gallery of sagas

Made by `make docs` from `examples/gallery`; do not edit.

Well-known samples of other products, written anew from what their public documentation says of
them. Each is a module of its own in `examples/gallery`, with a happy run, a failing run and the way
back as tests in `tests/gallery`. The participants are a ledger in memory, of which each process has
its own. To run them on workers of this project, and see what becomes of a fault:

```bash
export SAGA_APPS=examples.gallery
python manage.py saga start trip_booking --context '{"faults": {"book_flight": "refused"}}'
```

In the graphs, a diamond is a choice, a double frame is made of other executions, and `↺` stands
before the name of a compensation.
"""


@dataclass(frozen=True)
class Example:
    name: str
    title: str
    text: str
    source: str
    """The definitions, as they are written in the module."""
    sagas: Sequence[Saga]

    @property
    def heading(self) -> str:
        return self.title.removesuffix(".")


def examples() -> list[Example]:
    """All modules of this package that define sagas, in the order of the table."""
    order = list(dict.fromkeys(sample.module for sample in SAMPLES if sample.module))
    return [_example(import_module(f"examples.gallery.{name}")) for name in order]


def _example(module: ModuleType) -> Example:
    title, _, text = (module.__doc__ or "").partition("\n\n")
    name = module.__name__.rpartition(".")[2]
    found = [value for value in vars(module).values() if isinstance(value, Saga)]
    return Example(name, title, text.strip(), "\n\n".join(_definitions(module)), found)


def _definitions(module: ModuleType) -> Iterator[str]:
    """The source of each statement that makes a saga, or a policy or a form for one."""
    text = Path(module.__file__ or "").read_text()
    for statement in ast.parse(text).body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            continue
        if isinstance(statement.value, ast.Call | ast.Dict):
            yield ast.get_source_segment(text, statement) or ""


def page() -> str:
    """docs/gallery.md."""
    parts = [INTRODUCTION, _table()]
    for example in examples():
        code = f"```python\n{example.source}\n```"
        graphs = [f"```mermaid\n{flowchart(saga)}```" for saga in example.sagas]
        where = f"Module: `examples/gallery/{example.name}.py`."
        heading = f"## {example.heading}"
        parts.append("\n\n".join([heading, example.text, where, code, *graphs]) + "\n")
    return "\n".join(parts)


def _table() -> str:
    rows = [
        "## The samples",
        "",
        "| product | sample | how it is said | here |",
        "|---|---|---|---|",
    ]
    titles = {example.name: example.heading for example in examples()}
    for sample in SAMPLES:
        here = (
            f"[{titles[sample.module]}](#{_anchor(titles[sample.module])})"
            if sample.module
            else "–"
        )
        rows.append(f"| {sample.product} | {sample.name} | {sample.said} | {here} |")
    return "\n".join(rows) + "\n"


def _anchor(heading: str) -> str:
    """As GitHub and MyST make it."""
    kept = (each for each in heading.lower() if each.isalnum() or each in " -_")
    return "".join(kept).replace(" ", "-")


if __name__ == "__main__":
    print(page(), end="")
