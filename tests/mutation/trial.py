"""One trial: tests in a process of their own, on a copy of the source with a fault in it."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final
from xml.etree import ElementTree

from tests.mutation.fault import Fault
from tests.mutation.place import Place

TEST_SECONDS: Final = 120
"""For one test: a fault may well make it wait for what never comes."""

TRIAL_SECONDS: Final = 400
"""For a whole trial, should a test hang so that no limit of its own can end it."""

OPTIONS: Final = (
    "-xq",
    "-pno:cacheprovider",
    # No others (place.py): they take a second of each start; and a property would be shrunk for
    # minutes.
    "-ppytest_django.plugin",
    "-ppytest_timeout",
    "-ptests.mutation.first",
    "-oaddopts=",  # among them the plugin that brings up servers
    "-ojunit_family=xunit1",  # the one that names each test's file
    "--reuse-db",
    f"--timeout={TEST_SECONDS}",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`caught_by` is the first test that failed; `trouble` says why there is no answer: the tests
    could not be run, or did not end."""

    seconds: float
    caught_by: str = ""
    trouble: str = ""


def run_trial(
    place: Place, tests: Sequence[str], fault: Fault | None = None, first: str = ""
) -> Outcome:
    """Runs `tests` on a copy of the source, with `fault` in it, up to the first that fails; the
    test called `first` before the others."""
    began = perf_counter()
    place.empty_database()
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder, place.sown(fault):
        report = Path(folder, "report.xml")
        trouble = _run_pytest(place, report, [f"--first={first}", *tests])
        caught_by = "" if trouble else _first_failure(report)
    return Outcome(perf_counter() - began, caught_by, trouble)


def _run_pytest(place: Place, report: Path, arguments: Sequence[str]) -> str:
    """What kept the tests from giving an answer; empty if nothing did."""
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *OPTIONS, f"--junitxml={report}", *arguments],
            cwd=place.source,
            env=place.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TRIAL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"The tests did not end within {TRIAL_SECONDS} s."
    if ended.returncode == 0 or (ended.returncode == 1 and _first_failure(report)):
        return ""
    return f"pytest ended with {ended.returncode}:\n{ended.stdout[-3000:]}"


def _first_failure(report: Path) -> str:
    """The test that failed, as pytest names it, without its parameters; empty if none did."""
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None:
            name = case.attrib["name"].partition("[")[0]
            return f"{case.attrib['file']}::{name}"
    return ""
