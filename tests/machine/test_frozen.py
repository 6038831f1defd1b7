"""Nobody writes to the machine's values, and what users hold can't be written to."""

import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Hashable
from typing import Any

import pytest

from sagas.machine import (
    Direction,
    Failure,
    FailureKind,
    Hint,
    Retry,
    Saga,
    SagaStep,
    StepState,
    Succeeded,
)
from tests.machine.conversation import nothing

STEP = SagaStep("a", nothing)

FROZEN = "import sys, tests.frozen, pytest; sys.exit(pytest.main(sys.argv[1:]))"
"""Before any plugin of pytest's, which may import the machine."""


@pytest.mark.timeout(600)  # a process of its own, on a machine that may be busy
def test_nobody_writes_to_a_value() -> None:
    """Where they are frozen in truth, whoever writes to one gets an error, and a test fails."""
    names = ("decide", "gaps", "held_back", "lost", "operating", "turning_back", "waits")
    tests = [f"tests/machine/test_{name}.py" for name in names]
    ran = subprocess.run(
        [sys.executable, "-c", FROZEN, "-xq", *tests],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:]


@pytest.mark.parametrize(
    ("shared", "field"),
    [
        (STEP, "action"),
        (Saga("s", [STEP]), "steps"),
        (Retry(), "max_attempts"),
        (Failure(FailureKind.REJECTED, "E", "no"), "message"),
        (Hint("a", Direction.ACTION, 0), "fence"),
    ],
)
def test_what_users_hold_can_not_be_written_to(shared: Any, field: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(shared, field, None)


def test_the_steps_of_a_definition_can_not_be_exchanged() -> None:
    saga: Any = Saga("s", [STEP])
    for mapping in (saga.by_name, saga.concurrent):
        with pytest.raises(TypeError):
            mapping["a"] = None


def test_what_could_change_has_no_hash() -> None:
    for value in (StepState(), Succeeded("a", Direction.ACTION, 1, {})):
        assert not isinstance(value, Hashable)


def test_a_definition_goes_to_another_process_as_it_is() -> None:
    saga = Saga("s", [STEP])
    copy = pickle.loads(pickle.dumps(saga))
    assert (copy.saga_type, copy.digest) == (saga.saga_type, saga.digest)
    assert copy.by_name == {"a": STEP}
    with pytest.raises(TypeError):
        copy.by_name["b"] = STEP
