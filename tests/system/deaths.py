"""What a saga loses to neighbours that kill its process (S14).

    python -m tests.system.deaths --sagas 1000 --killers 40

starts them together, for two workers, with running on and without; and as the items of a ForEach.
Exits with 1 if one that kills nothing was turned back, or lost more than one attempt, or if an item
was compensated that was never called.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg

from sagas.devserver.child import Command
from sagas.devserver.servers import create_database, drop_database, servers
from sagas.devserver.supervisor import Supervisor
from tests.servers import FOLDER
from tests.system.running import REPOSITORY, WORKERS, environment, manage, worker

ATTEMPTS: Final = 3
DONE_WITHIN: Final = 400.0
"""Seconds. Each killer takes three processes with it, and to fork one takes a while."""

ENDS: Final = """
SELECT x.saga_id, x.status, coalesce((x.context->>'dies')::boolean, false),
       (SELECT count(*) FROM sagas_sagaevent AS e WHERE e.execution_id = x.id
            AND e.type = 'step.claimed' AND e.direction = 'action'),
       coalesce((x.steps->'only'->>'uncounted_attempts')::integer, 0)
FROM sagas_sagaexecution AS x WHERE x.saga_type = 'mortal'
"""


@dataclass(frozen=True)
class Figures:
    """`others` are those that kill nothing; `undone` of them were turned back. `lost` is the most
    attempts that one of them lost. `calls` are a killer's, from the fewest to the most."""

    others: int
    undone: int
    lost: int
    killers_undone: int
    calls: tuple[int, int]
    killers: int

    @property
    def are_right(self) -> bool:
        are_killers_right = (self.killers_undone, self.calls) == (self.killers, (ATTEMPTS,) * 2)
        return self.undone == 0 and self.lost <= 1 and are_killers_right


@contextmanager
def workers(database_url: str, **settings: str) -> Iterator[tuple[Supervisor, dict[str, str]]]:
    """With a database and a queue of their own. They know the action as quick."""
    name = f"deaths_{uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        env = environment(create_database(database_url, name), Path(folder)) | settings
        env["PROBE_QUEUE"] = name
        try:
            with Supervisor(FOLDER / "logs", REPOSITORY) as supervisor:
                supervisor.run(manage(env, "migrate", "-v0"))
                supervisor.start(*(worker(name, env) for name in WORKERS))
                run(supervisor, env, "warm", 200, 0)
                yield supervisor, env
        finally:
            drop_database(database_url, name)


def run(supervisor: Supervisor, env: Mapping[str, str], what: str, count: int, kill: int) -> None:
    """Starts what `tests.system.dying` knows, and waits for its end."""
    start(supervisor, env, what, count, kill)
    wait_for_ends(env)


def start(supervisor: Supervisor, env: Mapping[str, str], what: str, count: int, kill: int) -> None:
    starting = [sys.executable, "-m", "tests.system.dying", what, str(count), str(kill)]
    supervisor.run(Command("dying", starting, env), within=60)


def wait_for_ends(env: Mapping[str, str]) -> None:
    deadline = time.monotonic() + DONE_WITHIN
    question = "SELECT count(*) FROM sagas_sagaexecution WHERE status NOT IN %s"
    ends = "('completed', 'compensated', 'failed')"
    while (left := ask(env, question % ends)[0][0]) != 0:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{left} sagas have not ended after {DONE_WITHIN:g} s.")
        time.sleep(0.2)


def ask(env: Mapping[str, str], question: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(env["DATABASE_URL"], autocommit=True, prepare_threshold=None) as session:
        return session.execute(question).fetchall()


def calls(env: Mapping[str, str]) -> Counter[tuple[str, str]]:
    """(saga_id, direction) → how often it was called."""
    lines = (Path(env["PROBE_FOLDER"]) / "mortal.journal").read_text().splitlines()
    words = [line.split() for line in lines]
    return Counter((saga_id, key.rsplit(":", 1)[1]) for saga_id, key, _ in words)


def figures(env: Mapping[str, str]) -> Figures:
    called = calls(env)
    found = [row for row in ask(env, ENDS) if not row[0].startswith("warm")]
    others = [row for row in found if not row[2]]
    killers = [row for row in found if row[2]]
    of_killers = [called[row[0], "action"] for row in killers]
    return Figures(
        others=len(others),
        undone=sum(row[1] != "completed" for row in others),
        lost=max(row[3] - row[4] for row in others) - 1,
        killers_undone=sum(row[1] == "compensated" for row in killers),
        calls=(min(of_killers), max(of_killers)),
        killers=len(killers),
    )


def undone_uncalled(env: Mapping[str, str]) -> tuple[int, int]:
    """How many items were undone, and how many of these whose action was never called."""
    called = calls(env)
    undone = [saga_id for saga_id, direction in called if direction == "compensation"]
    return len(undone), sum((saga_id, "action") not in called for saga_id in undone)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sagas", type=int, default=1000)
    parser.add_argument("--killers", type=int, default=40)
    options = parser.parse_args()
    is_right = True
    with servers(FOLDER) as found:
        os.environ |= {
            "REDIS_URL": found.redis_url,
            "CELERY_BROKER_URL": found.broker_url,
            "SECRET_KEY": "of the tests",
        }
        for steps in ("100", "1"):
            with workers(found.database_url, INLINE_STEPS=steps) as (supervisor, env):
                run(supervisor, env, "sagas", options.sagas, options.killers)
                seen = figures(env)
            print(f"INLINE_STEPS={steps}: {seen}", flush=True)
            is_right = is_right and seen.are_right
        with workers(found.database_url) as (supervisor, env):
            run(supervisor, env, "items", options.sagas // 5, options.killers // 5)
            undone, uncalled = undone_uncalled(env)
        print(f"ForEach: {undone} items undone, {uncalled} of which were never called")
    sys.exit(not is_right or uncalled > 0)


if __name__ == "__main__":
    main()
