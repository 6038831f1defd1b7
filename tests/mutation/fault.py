"""A fault: one small change of the source, such as a tired engineer could make."""

from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


class Stale(Exception):
    """The list of faults does not fit the source any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    name: str
    """What the engine does wrong with it, as a sentence."""
    clause: str
    """The clauses of the contract that it breaks."""
    file: str
    before: str
    """Stands in the file exactly once."""
    after: str
    tests: tuple[str, ...]
    """The narrowest test files that should catch it, without `tests/` and `.py`."""

    @property
    def test_files(self) -> list[str]:
        return [f"tests/{test}.py" for test in self.tests]

    def sown_in(self, root: Path) -> str:
        """The text of the file below `root`, with the fault. Raises `Stale`."""
        path = root / self.file
        text = path.read_text() if path.exists() else ""
        if (found := text.count(self.before)) != 1:
            raise Stale(
                f"The list of faults is stale: what {self.name!r} replaces stands {found} times in "
                f"{self.file}, not once. Bring its `before` and `after` up to date "
                f"(tests/mutation/):\n{self.before}"
            )
        return text.replace(self.before, self.after)

    def diff(self, root: Path) -> str:
        """The change, as `diff -u` shows it."""
        sound = (root / self.file).read_text().splitlines(keepends=True)
        sown = self.sown_in(root).splitlines(keepends=True)
        return "".join(unified_diff(sound, sown, f"a/{self.file}", f"b/{self.file}"))
