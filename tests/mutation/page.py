"""`docs/mutations.md`: which test catches which fault."""

from collections.abc import Iterable, Sequence
from typing import Final

from tests.mutation.fault import ROOT, Fault

PAGE: Final = ROOT / "docs" / "mutations.md"

_PAGE: Final = """\
# The mutation gate

Made by `python -m tests.mutation --write` from the faults in `tests/mutation/`; do not edit.

Each line is a change of the engine's source that somebody could make by mistake, what it breaks,
and the test that fails first once it is made: all {count} are caught. S, L and R are clauses of the
contract; Failures, Statuses and Participants its tables, Locks and ForEach what their definitions
promise. The changes themselves stand in `tests/mutation/*_faults.py`.

| Fault | Breaks | Sown into | Caught by |
|---|---|---|---|
{rows}
"""


def mutations_page(caught: Sequence[tuple[Fault, str]]) -> str:
    """The page for faults and the tests that caught them, in the order of the list."""
    rows = (
        f"| {fault.name} | {fault.clause} | `{fault.file}` | `{_short(test)}` |"
        for fault, test in caught
    )
    return _PAGE.format(count=len(caught), rows="\n".join(rows))


def catchers(page: str) -> dict[str, str]:
    """Name of a fault → the test that caught it, by `page`."""
    rows = (line.split(" | ") for line in page.splitlines() if line.startswith("| "))
    return {row[0][2:]: f"tests/{row[-1][1:-3]}" for row in rows if row[-1].startswith("`")}


def missing_from(page: str, faults: Iterable[Fault]) -> list[str]:
    """The names of the faults that `page` does not tell of."""
    return [fault.name for fault in faults if f"| {fault.name} |" not in page]


def _short(test: str) -> str:
    return test.removeprefix("tests/")
