"""How many hints of a long backlog are repeats (R21): two workers, one of which stands still.

    python -m tests.system.backlog --steps 20000

prints the figures, and exits with 1 if more than one hint in ten is a repeat.
"""

import argparse
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import psycopg

from sagas.devserver.child import Command
from sagas.devserver.servers import create_database, drop_database, servers
from sagas.devserver.supervisor import Supervisor
from tests.servers import FOLDER
from tests.system.probe.published import published
from tests.system.running import REPOSITORY, WORKERS, environment, manage, worker

BAR: Final = 0.1
"""Repeats to a hint."""

FILLED_WITHIN: Final = 600.0
STILL_AFTER: Final = 120.0
"""Seconds in which no step was done. How fast they are done is no matter."""

COUNTS: Final = """
SELECT (SELECT count(*) FROM sagas_sagaexecution WHERE saga_type = 'heap'
            AND status <> 'completed'),
       (SELECT count(*) FROM sagas_sagaexecution AS x JOIN sagas_sagaevent AS e
            ON e.execution_id = x.id
            WHERE saga_type = 'heap' AND e.type IN ('step.scheduled', 'step.retrying'))
"""
"""What is not yet done, and how often a step became due: as many hints are needed."""


@dataclass(frozen=True)
class Figures:
    hints: int
    needed: int
    seconds: float

    @property
    def repeats(self) -> int:
        return self.hints - self.needed

    @property
    def ratio(self) -> float:
        return self.repeats / self.hints


def fill(
    supervisor: Supervisor,
    env: Mapping[str, str],
    steps: int,
    step_seconds: float,
    name: str = "heap",
) -> None:
    """Starts that many sagas of one step: NAME-0, NAME-1 …"""
    filling = [sys.executable, "-m", "tests.system.filling", str(steps), str(step_seconds), name]
    supervisor.run(Command("filling", filling, env), within=FILLED_WITHIN)


def work_off(supervisor: Supervisor, env: Mapping[str, str], stopped_for: float) -> Figures:
    """Stops a worker and all its processes for a while, and waits for the last of the sagas."""
    began = time.monotonic()
    supervisor.kill(WORKERS[0], signal.SIGSTOP)
    try:
        time.sleep(stopped_for)
    finally:
        supervisor.kill(WORKERS[0], signal.SIGCONT)
    with psycopg.connect(env["DATABASE_URL"], autocommit=True, prepare_threshold=None) as session:
        least, moved = math.inf, began
        while time.monotonic() - moved < STILL_AFTER:
            [(left, needed)] = session.execute(COUNTS)
            if not left:
                hints = len(published(Path(env["PROBE_FOLDER"]), "heap.only"))
                return Figures(hints, needed, time.monotonic() - began)
            if left < least:
                least, moved = left, time.monotonic()
            time.sleep(0.5)
    raise TimeoutError(f"{left} steps are left, and none was done in {STILL_AFTER:g} s.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--stopped-for", type=float, default=60.0, help="seconds")
    options = parser.parse_args()
    with servers(FOLDER) as found, tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "REDIS_URL": found.redis_url,
            "CELERY_BROKER_URL": found.broker_url,
            "SECRET_KEY": "of the tests",
        }
        name = f"backlog_{uuid4().hex[:8]}"
        env = environment(create_database(found.database_url, name), Path(folder))
        try:
            with Supervisor(FOLDER / "logs", REPOSITORY) as supervisor:
                supervisor.run(manage(env, "migrate", "-v0"))
                fill(supervisor, env, options.steps, step_seconds=0)
                supervisor.start(*(worker(name, env) for name in WORKERS))
                figures = work_off(supervisor, env, options.stopped_for)
        finally:
            drop_database(found.database_url, name)
    print(
        f"{figures.hints} hints, {figures.repeats} repeats: {figures.ratio:.4f} "
        f"(at most {BAR}), in {figures.seconds:.0f} s"
    )
    sys.exit(figures.ratio > BAR)


if __name__ == "__main__":
    main()
