"""`make profile`: where the time of a step goes in a worker, and which statements it costs.

    python -m bench.profile --pool prefork --seconds 10

py-spy looks 200 times a second into a worker under load, at the thread that holds the interpreter;
what it sees is told by room, as time of one step, with run-on and with a message for each step.
Waiting, for a server or for a lock, is not in it. On a machine that others use, too, being put
off is; then only the shares say something. The statements are counted by PostgreSQL
(pg_stat_statements), those of starts, wake loop and relay among them.
"""

import argparse
import subprocess
import sys
from functools import partial
from signal import SIGINT
from typing import Any, Final

from bench.drivers.driver import STEPS
from bench.processes import PEERS, Client, Failed, Pool, status_of
from bench.rates import count_for, warmed_up
from bench.results import show
from bench.rooms import rooms
from bench.sections.statements import SERVER, counted, counting_stage
from bench.sizes import Sizes
from bench.systems import SYSTEMS
from sagas.devserver.interrupts import Interrupts

RATE: Final = 200
"""Looks a second: more would slow down what they look at."""


def main() -> int:
    """0, or 1 if nothing was seen."""
    parser = argparse.ArgumentParser("python -m bench.profile")
    parser.add_argument("--pool", default="prefork")
    parser.add_argument("--broker", default="valkey", choices=("valkey", "rabbitmq"))
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    Pool.parse(given.pool)
    return status_of(partial(run, given))


def run(given: argparse.Namespace, interrupts: Interrupts) -> int:
    """Looks at both modes."""
    with counting_stage(interrupts) as found, found.broker(given.broker) as broker:
        for name in ("engine-run-on", "engine-message"):
            with SYSTEMS[name].running(found, broker, given.pool) as client:
                look(name, client, given.seconds)
    return 0


def look(name: str, client: Client, seconds: float) -> None:
    """Prints both tables of one mode."""
    rate = warmed_up(client, Sizes())
    steps, stacks = spied(client, count_for(rate, seconds))
    times = rooms(stacks)
    rows: list[dict[str, Any]] = [
        {
            "room": room,
            "µs": round(count / RATE / steps * 1e6, 1),
            "%": round(100 * count / times.total(), 1),
        }
        for room, count in times.most_common()
    ]
    total = round(times.total() / RATE / steps * 1e6, 1)
    show(f"{name}: a step's time in the worker", [*rows, {"room": "all", "µs": total}])
    count = count_for(rate, seconds / 4)
    show(f"{name}: statements", [each.as_row(count * STEPS) for each in counted(client, count)])


def spied(client: Client, count: int) -> tuple[int, list[str]]:
    """So many sagas, and the stacks that were seen in the worker meanwhile; how many steps."""
    out = SERVER / "stacks.txt"
    [worker] = client.workers
    argv = [
        str(PEERS.with_name("py-spy")),
        "record",
        "--pid",
        str(client.supervisor.pid_of(worker)),
    ]
    argv += ["--subprocesses", "--gil", "--rate", str(RATE), "--format", "raw"]
    argv += ["--nonblocking", "--output", str(out)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as spy:
        try:
            client.ask("batch", count=count)
        finally:
            spy.send_signal(SIGINT)
            _, said = spy.communicate(timeout=20)
    if not out.exists():
        raise Failed(f"py-spy saw nothing: {said.decode()[-300:]}")
    return count * STEPS, out.read_text().splitlines()


if __name__ == "__main__":
    sys.exit(main())
