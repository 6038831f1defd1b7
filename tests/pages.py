"""Pages of the documentation, cut into chapters, and these into blocks that can be run."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

_HEADING_OR_BLOCK: Final = re.compile(
    r"^## (?P<title>.+)\n|^```(?P<info>.*)\n(?P<text>(?s:.*?))^```$", re.MULTILINE
)


@dataclass(frozen=True)
class Block:
    """What stands between two fences: ```LANGUAGE OPTION …"""

    path: Path
    line: int
    """Where its text begins in the page, from 1."""
    language: str
    options: tuple[str, ...]
    text: str

    def place(self, line: int = 0) -> str:
        """The page and the line, for a message; `line` counts within the text, from 0."""
        return f"{self.path.name}, line {self.line + line}"

    @property
    def file(self) -> str:
        """The file that the text is, by the comment in its first line; empty if it is none."""
        found = re.match(r"# (\S+\.py)\n", self.text)
        return found[1] if found else ""

    def compiled(self) -> CodeType:
        """The code, so that a traceback names the page and its line."""
        return compile("\n" * (self.line - 1) + self.text, str(self.path), "exec")


@dataclass(frozen=True)
class Chapter:
    """All below one heading of the second level."""

    path: Path
    title: str
    blocks: list[Block] = field(default_factory=list)

    def __str__(self) -> str:
        return "-".join(re.findall(r"\w+", f"{self.path.stem} {self.title}".lower()))


def chapters(path: Path) -> list[Chapter]:
    """The chapters of a page, in order. A block above the first heading belongs to none."""
    text = path.read_text()
    found: list[Chapter] = []
    for match in _HEADING_OR_BLOCK.finditer(text):
        if match["title"]:
            found.append(Chapter(path, match["title"]))
        elif found:
            line = text.count("\n", 0, match.start("text")) + 1
            language, *options = match["info"].split() or [""]
            found[-1].blocks.append(Block(path, line, language, tuple(options), match["text"]))
    return found
