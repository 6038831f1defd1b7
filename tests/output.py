"""A pytest plugin: a failure fits a screen or two, whatever was captured and compared."""

from collections.abc import Generator
from typing import Any, Final

import pytest

WIDTH: Final = 400
"""Characters of a line: an assertion about two long lists is one line."""

OF_A_TRACE: Final = 30
"""Lines of each frame's code, the last ones, and of what its assertion says, the first ones."""

CAPTURED: Final = 20
"""Lines of each thing that was captured, the last ones."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    report = yield
    if report.failed:
        report.sections = [
            (name, "\n".join(shortened(text.splitlines(), CAPTURED)))
            for name, text in report.sections
        ]
        shorten(report.longrepr)
    return report


def shorten(shown: Any) -> None:
    """What pytest shows of an exception, and of those that it came from."""
    for trace, *_ in getattr(shown, "chain", ()):
        for entry in trace.reprentries:
            code = [line for line in entry.lines if not line.startswith("E ")]
            said = [line for line in entry.lines if line.startswith("E ")]
            entry.lines[:] = [*shortened(code, OF_A_TRACE), *map(cut, said[:OF_A_TRACE])]
    if crash := getattr(shown, "reprcrash", None):
        crash.message = cut(crash.message)


def shortened(lines: list[str], count: int) -> list[str]:
    """The last `count` of them, each no longer than `WIDTH`."""
    left_out = len(lines) - count
    kept = [cut(line) for line in lines[-count:]]
    return [f"… {left_out} lines before", *kept] if left_out > 0 else kept


def cut(text: str) -> str:
    left_out = len(text) - WIDTH
    return f"{text[:WIDTH]} … {left_out} more" if left_out > 0 else text
