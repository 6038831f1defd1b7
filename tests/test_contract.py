"""Every clause that the code names is defined in docs/contract.md, and every clause is tested."""

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
CONTRACT: Final = ROOT / "docs" / "contract.md"

CLAUSE: Final = re.compile(r"(?<![\w.])([SLR][1-9]\d?)(?![\w.-]*\w)")
NOT_YET: Final = {"R29"}
"""Clauses that nothing holds yet. docs/contract.md says so of each."""

DEFINITION: Final = re.compile(r"^(?:- \*\*|\| )([SLR][1-9]\d?)(?:\*\*| \|)", re.MULTILINE)


def defined() -> set[str]:
    return set(DEFINITION.findall(CONTRACT.read_text()))


@cache
def named_in(folder: str) -> dict[str, str]:
    """Clause → a Python file or a page below `folder` that names it."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    named = {}
    for name in listed.stdout.split():
        path = ROOT / name
        if path.suffix in {".py", ".md"} and path not in (CONTRACT, Path(__file__)):
            named.update(dict.fromkeys(CLAUSE.findall(path.read_text()), name))
    return named


def test_the_contract_numbers_its_clauses_without_a_gap() -> None:
    for letter in "SLR":
        numbers = sorted(int(clause[1:]) for clause in defined() if clause[0] == letter)
        assert numbers == list(range(1, len(numbers) + 1)), letter


def test_every_clause_that_is_named_is_defined() -> None:
    unknown = {clause: file for clause, file in named_in(".").items() if clause not in defined()}
    assert not unknown


def test_every_clause_is_named_by_a_test_but_for_what_is_not_built_yet() -> None:
    assert defined() - set(named_in("tests")) == NOT_YET
