"""The list of faults fits the source; whether each is caught, `python -m tests.mutation` says."""

import ast
import re
from pathlib import Path

import pytest

from tests.mutation.fault import ROOT, Fault, Stale
from tests.mutation.faults import FAULTS
from tests.mutation.page import PAGE, catchers, missing_from, mutations_page

NAMES = [fault.name for fault in FAULTS]


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_a_fault_fits_the_source_and_its_tests_exist(fault: Fault) -> None:
    ast.parse(fault.sown_in(ROOT))
    assert fault.before != fault.after
    for file in fault.test_files:
        assert (ROOT / file).exists(), (
            f"{fault.name}: {file} is gone. Name the tests that catch it."
        )


def test_each_fault_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(FAULTS)


def test_the_gate_reaches_every_layer_and_most_clauses() -> None:
    folders = {Path(fault.file).parent.as_posix() for fault in FAULTS}
    assert folders >= {"sagas/machine", "sagas/engine", "sagas/store", "sagas/worker"}
    clauses = {clause for fault in FAULTS for clause in re.findall(r"[SLR]\d+", fault.clause)}
    assert clauses >= {f"S{number}" for number in range(1, 14)} | {"L1", "L2", "L3"}


def test_the_page_tells_of_every_fault() -> None:
    stale = missing_from(PAGE.read_text(), FAULTS)
    assert not stale, f"docs/mutations.md is stale: run `python -m tests.mutation --write`. {stale}"


FAULT = Fault(
    name="Two is three", clause="S1", file="a.py", before="two = 2", after="two = 3", tests=()
)


@pytest.mark.parametrize("source", ["", "two = 2\ntwo = 2\n"])
def test_a_stale_list_is_told(source: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(source)
    with pytest.raises(Stale, match=r"'Two is three'.* times in a\.py, not once"):
        FAULT.sown_in(tmp_path)


def test_a_survivor_is_shown_as_a_diff_and_a_caught_fault_as_a_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one = 1\ntwo = 2\n")
    assert "\n one = 1\n-two = 2\n+two = 3\n" in FAULT.diff(tmp_path)
    page = mutations_page([(FAULT, "tests/test_a.py::test_two")])
    assert "| Two is three | S1 | `a.py` | `test_a.py::test_two` |" in page
    assert not missing_from(page, [FAULT])
    assert catchers(page) == {"Two is three": "tests/test_a.py::test_two"}
