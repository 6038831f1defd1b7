"""What is compared: for each system its workers, and the driver that starts and awaits sequences.

All have two workers' worth of concurrency (`-c 2`), and say no more than warnings. Celery's peers
run with Celery's own defaults, without task events; the engine has them on, as in production.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Final

from bench.processes import PEERS, Client, Driving, Pool, driven, worker
from bench.stage import FOLDER, LOGS, Broker, Stage, emptied
from sagas.devserver.child import Command
from sagas.devserver.supervisor import free_port

Env = Mapping[str, str]


class Skipped(Exception):
    """A system that is not there; says why."""


@dataclass(frozen=True)
class Recipe:
    """What has to run."""

    workers: Sequence[Command]
    driving: Driving


@dataclass(frozen=True)
class System:
    """`pools` are Celery's, to be chosen by who runs the bench, or else the system's own ways."""

    name: str
    cook: Callable[[Env, str], Recipe]
    has_broker: bool = True
    pools: Sequence[str] = field(default_factory=tuple)

    @contextmanager
    def running(
        self, stage: Stage, broker: Broker | None, pool: str, database_url: str | None = None
    ) -> Iterator[Client]:
        """A client of it, on that database or a new one, and an empty broker. Raises `Failed`,
        `Skipped`."""
        with nullcontext(database_url) if database_url else stage.database() as url:
            if broker is not None:
                emptied(broker, stage.valkey_url)
            recipe = self.cook(stage.environment(url, broker), pool)
            with driven(LOGS, stage.interrupts, recipe.workers, recipe.driving) as client:
                yield client

    @contextmanager
    def on_valkey(
        self, stage: Stage, pool: str, database_url: str | None = None
    ) -> Iterator[Client]:
        """The same where only the engine itself is of interest."""
        with (
            stage.broker("valkey") as broker,
            self.running(stage, broker, pool, database_url) as client,
        ):
            yield client


def engine(env: Env, pool: str, workers: int = 1) -> Recipe:
    """With everything on: claims, leases, events, relay, pushes, task events."""
    kind = Pool.parse(pool)
    names = [f"worker-{number}" for number in range(1, workers + 1)]
    commands = [worker("celery_app", env, kind, name) for name in names]
    return Recipe(commands, Driving("bench.drivers.engine", env))


def run_on(env: Env, pool: str) -> Recipe:
    return engine(env, pool)


def message(env: Env, pool: str) -> Recipe:
    """The same with a message for each step."""
    return engine({**env, "INLINE_STEPS": "1"}, pool)


def celery_raw(env: Env, pool: str) -> Recipe:
    ended = FOLDER / "ended"
    ended.write_bytes(b"")
    env = {**env, "BENCH_ENDED": str(ended)}
    raw = worker("bench.drivers.raw_tasks", env, Pool.parse(pool))
    return Recipe([raw], Driving("bench.drivers.celery_raw", env))


def celery_chain(env: Env, pool: str) -> Recipe:
    env = {**env, "DJANGO_SETTINGS_MODULE": "bench.drivers.chain_settings"}
    chain = worker("bench.drivers.chain_tasks", env, Pool.parse(pool))
    return Recipe([chain], Driving("bench.drivers.celery_chain", env))


def celery_chain_tuned(env: Env, pool: str) -> Recipe:
    return celery_chain({**env, "BENCH_TUNED": "1"}, pool)


def celery_saga(env: Env, pool: str) -> Recipe:
    _peers()
    saga = worker("bench.drivers.celery_saga_tasks", env, Pool.parse(pool), python=PEERS)
    return Recipe([saga], Driving("bench.drivers.celery_saga", env, PEERS))


def dbos(env: Env, way: str) -> Recipe:
    """In the starter's own process, or by a queue that two workers serve."""
    _peers()
    module = "bench.drivers.dbos"
    workers = _two_workers(module, env) if way.startswith("queue") else []
    return Recipe(workers, Driving(module, {**env, "BENCH_WAY": way}, PEERS))


def temporal(env: Env, way: str) -> Recipe:
    """Its development server, which keeps everything in memory, and two workers."""
    _peers()
    port = str(free_port())
    program = PEERS.with_name("temporal")
    if not program.exists():
        raise Skipped(f"{program.name} is not in {program.parent.name}/: no wheel for this machine")
    env = {**env, "BENCH_TEMPORAL": f"127.0.0.1:{port}"}
    argv = f"server start-dev --headless --ip 127.0.0.1 --port {port} --log-level error".split()
    server = Command("server", [str(program), *argv], env)
    module = "bench.drivers.temporal"
    return Recipe([server, *_two_workers(module, env)], Driving(module, env, PEERS))


def _two_workers(module: str, env: Env) -> list[Command]:
    """Of those who are no Celery workers."""
    names = ("worker-1", "worker-2")
    return [Command(name, [str(PEERS), "-m", module, "worker"], env) for name in names]


def _peers() -> None:
    if not PEERS.exists():
        raise Skipped("the peers' environment is missing or broken: `make bench` makes it")


SYSTEMS: Final = {
    system.name: system
    for system in (
        System("engine-run-on", run_on),
        System("celery-raw", celery_raw),
        System("engine-message", message),
        System("celery-chain", celery_chain),
        System("celery-chain-tuned", celery_chain_tuned),
        System("celery-saga", celery_saga),
        System(
            "dbos",
            dbos,
            has_broker=False,
            pools=("in process", "in process -c 2", "queue, 2 workers"),
        ),
        System("temporal-dev", temporal, has_broker=False, pools=("2 workers",)),
    )
}
"""In the order in which they run: what is compared most stands side by side in time, too."""
