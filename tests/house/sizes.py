"""How long modules and functions are."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SHORT: Final = 40
LONG: Final = 300
LONG_FUNCTION: Final = 40
"""Lines."""


@dataclass(frozen=True)
class Sizes:
    """Files and functions, each with its number of lines."""

    short: list[str]
    long: list[str]
    long_functions: list[str]


def sources(root: Path, packages: list[str]) -> list[Path]:
    """The Python files of the packages, but for migrations and empty ones."""
    found = (file for package in packages for file in sorted((root / package).rglob("*.py")))
    return [file for file in found if file.parent.name != "migrations" and file.stat().st_size]


def sizes(root: Path, files: list[Path]) -> Sizes:
    lengths = {file.relative_to(root): len(file.read_text().splitlines()) for file in files}
    return Sizes(
        short=[f"{file} {lines}" for file, lines in lengths.items() if lines < SHORT],
        long=[f"{file} {lines}" for file, lines in lengths.items() if lines > LONG],
        long_functions=[each for file in files for each in _long_functions(root, file)],
    )


def _long_functions(root: Path, file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None, "it was parsed"
            lines = node.end_lineno - node.lineno + 1
            if lines > LONG_FUNCTION:
                yield f"{file.relative_to(root)}: {node.name} {lines}"
