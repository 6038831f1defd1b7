"""What a failure shows."""

import subprocess
import sys
from pathlib import Path

from tests.output import CAPTURED, OF_A_TRACE, WIDTH

FAILING = """
import logging

def test_it():
    for number in range(1000):
        print("printed", number)
        logging.warning("logged %s", number)
    found = [{str(n): "x" * 50} for n in range(500)]
    assert found == [], found
"""


def test_a_failure_fits_a_screen_or_two(tmp_path: Path) -> None:
    """In the CI, too, where pytest shortens nothing."""
    (tmp_path / "test_failing.py").write_text(FAILING)
    options = ("-p", "tests.output", "-p", "no:django", "-c", "/dev/null", "--rootdir")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, tmp_path, tmp_path],
        env={"CI": "true", "PATH": "", "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ran.returncode == 1, ran.stderr
    shown = ran.stdout.splitlines()
    assert len(shown) < 2 * OF_A_TRACE + 3 * CAPTURED + 30
    assert max(map(len, shown)) < WIDTH + 100
    assert "printed 999" in shown
    assert "assert found == [], found" in ran.stdout
