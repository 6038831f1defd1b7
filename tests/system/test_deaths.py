"""S14: what a saga loses to a neighbour that kills its process. `python -m tests.system.deaths`
does it with 1,000 sagas."""

import os

import pytest

from tests.system.deaths import figures, run, undone_uncalled, workers

SAGAS, KILLERS = 120, 6


@pytest.mark.timeout(600)  # each death costs the fork of a process
@pytest.mark.parametrize("steps", ["100", "1"])
def test_s14_r18_only_those_that_kill_their_process_are_turned_back(steps: str) -> None:
    """S4: and no item is undone whose action was never called."""
    with workers(os.environ["DATABASE_URL"], INLINE_STEPS=steps) as (supervisor, env):
        run(supervisor, env, "sagas", SAGAS, KILLERS)
        found = figures(env)
        assert found.are_right, found
        assert (found.others, found.killers) == (SAGAS - KILLERS, KILLERS)
        run(supervisor, env, "items", SAGAS // 2, KILLERS // 2)
        undone, uncalled = undone_uncalled(env)
        assert undone > KILLERS
        assert uncalled == 0
