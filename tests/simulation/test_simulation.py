"""The simulation finds nothing wrong, finds it again, and finds what is put in on purpose."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import transaction

from sagas import engine
from sagas.engine import births
from sagas.machine import Effect, FailureKind, Verdict, attempts
from sagas.machine import events as ev
from sagas.machine.failures import EFFECT_OF
from sagas.registry import Registry
from sagas.store import statements, transitions
from tests.simulation.play import Outcome, play
from tests.surroundings.marks import one_session

SAGAS = 300
"""Enough for every race to occur several times."""


@pytest.fixture(scope="module")
def runs() -> list[subprocess.CompletedProcess[str]]:
    """One seed in two processes that see sets in different orders, side by side."""
    command = [sys.executable, "-m", "tests.simulation", f"--sagas={SAGAS}", "--processes=1"]
    started = [
        subprocess.Popen(
            command,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for hash_seed in ("1", "2")
    ]
    told = [process.communicate() for process in started]
    return [
        subprocess.CompletedProcess(command, process.returncode, *texts)
        for process, texts in zip(started, told, strict=True)
    ]


@one_session
def test_all_clauses_hold_and_all_races_occur(runs: Any) -> None:
    for run in runs:
        assert run.returncode == 0, run.stdout + run.stderr


@one_session
def test_one_seed_is_one_history_in_every_process(runs: Any) -> None:
    hashes = [run.stdout.splitlines()[-1] for run in runs]
    assert hashes[0].startswith("hash ")
    assert hashes[0] == hashes[1]


@one_session
@pytest.mark.django_db(transaction=True)
def test_a_world_depends_on_its_seed_and_on_nothing_before_it() -> None:
    first, other, again = (play(seed, 5) for seed in (1, 2, 1))
    assert first.digest == again.digest
    assert first.lines == again.lines
    assert first.digest != other.digest


# --- Engines that are broken on purpose -----------------------------------------------------------


def fence_not_compared(patch: pytest.MonkeyPatch) -> None:
    def report(draft: Any, fact: Any) -> Verdict:
        return real(draft, replace(fact, fence=draft.state.step(fact.step).fence))

    real = _replace(patch, "report", report)


def repeated_report_not_known(patch: pytest.MonkeyPatch) -> None:
    """A reconnect after a lost COMMIT reports blindly."""

    def report(draft: Any, fact: Any) -> Verdict:
        if fact.fence == draft.state.step(fact.step).reported:
            draft.emit(ev.StepLate(fact.step, fact.direction, fact.fence, True, None))
            return Verdict.LATE
        return real(draft, fact)

    real = _replace(patch, "report", report)


def leases_never_end(patch: pytest.MonkeyPatch) -> None:
    _replace(patch, "end_leases", lambda draft: Verdict.ACCEPTED)


def leases_end_early(patch: pytest.MonkeyPatch) -> None:
    def end_leases(draft: Any) -> Any:
        now, draft.now = draft.now, draft.now + timedelta(hours=1)
        verdict = real(draft)
        draft.now = now
        return verdict

    real = _replace(patch, "end_leases", end_leases)


def claim_not_committed(patch: pytest.MonkeyPatch) -> None:
    """The action is called, and its claim is not there."""
    real, run = engine.claim, statements.run

    def claim(*arguments: Any, **options: Any) -> Any:
        with mock.patch.object(statements, "run", never_saved):
            return real(*arguments, **options)

    def never_saved(sql: str, values: Any) -> Any:
        if sql != transitions.SAVE:
            return run(sql, values)
        return [(each["id"],) for each in json.loads(values["transitions"])]

    patch.setattr(engine, "claim", claim)


def hints_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transaction, "on_commit", lambda function: function())


def hints_never(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transaction, "on_commit", lambda function: None)


def timeouts_have_no_effect(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(EFFECT_OF, FailureKind.UNKNOWN, Effect.NONE)


def action_inside_a_transaction(patch: pytest.MonkeyPatch) -> None:
    real = engine.Work.run
    patch.setattr(engine.Work, "run", lambda work: transaction.atomic(real)(work))


def births_are_not_heard_of(patch: pytest.MonkeyPatch) -> None:
    """What a child comes to in the transaction of its birth never reaches its parent."""
    patch.setattr(births, "_hear_next", lambda begun: False)


def the_newborn_hear_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(births, "_tell_next", lambda begun: False)


def other_structures_go_through(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        Registry, "fitting", lambda self, saga_type, version, _: self.find(saga_type, version)
    )


BROKEN: dict[Callable[[pytest.MonkeyPatch], None], str] = {
    fence_not_compared: "S1",
    repeated_report_not_known: "R6",
    leases_never_end: "L2",
    leases_end_early: "S13",
    claim_not_committed: "S1",
    hints_before_the_commit: "S9",
    hints_never: "L2",
    timeouts_have_no_effect: "S4",
    action_inside_a_transaction: "S9",
    births_are_not_heard_of: "L4",
    the_newborn_hear_nothing: "L4",
    other_structures_go_through: "S12",
}


@one_session
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broken", BROKEN, ids=lambda function: function.__name__)
def test_a_broken_engine_is_caught(
    broken: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    # A fault may break several clauses, and which is seen first depends on the world.
    violations = (outcome.violation for outcome in _worlds())
    clause = f"\n{BROKEN[broken]}"
    found = next((each for each in violations if clause in each), "nothing was found")
    assert "python -m tests.simulation --seed" in found


def _worlds() -> Iterator[Outcome]:
    return (play(seed, 12) for seed in range(1, 31))


def _replace(patch: pytest.MonkeyPatch, name: str, function: Any) -> Any:
    """Puts `function` into the machine, instead of the one that is returned."""
    real = getattr(attempts, name)
    patch.setattr(attempts, name, function)
    return real
