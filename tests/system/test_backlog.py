"""R21 with real workers. `python -m tests.system.backlog` does the same with 20,000 sagas."""

from tasks.queues import ENOUGH
from tests.system.backlog import fill, work_off
from tests.system.running import Running


def test_r21_the_hints_of_a_long_queue_do_not_multiply(running: Running) -> None:
    """With steps of a twentieth of a second two workers need longer than the first hints are
    trusted for, the more so as one of them stands still. What is repeated is the end of the queue
    alone, and on a machine that has other work, half of it once more."""
    fill(running.supervisor, running.env, steps=1000, step_seconds=0.05)
    figures = work_off(running.supervisor, running.env, stopped_for=10)
    assert figures.needed >= 1000
    assert 0 <= figures.repeats <= 2 * ENOUGH, figures
