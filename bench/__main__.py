"""`make bench`: everything that is measured, a table and a JSON file.

python -m bench --quick --only engine-run-on,celery-raw --broker valkey
"""

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from bench import results
from bench.options import parse
from bench.processes import status_of
from bench.rates import rates
from bench.results import Row
from bench.sections import SECTIONS
from bench.sizes import QUICK, Options
from bench.stage import Stage, stage
from bench.systems import SYSTEMS
from deploy.rabbitmq import NoRabbitMQ
from sagas.devserver.child import ProcessError
from sagas.devserver.interrupts import Interrupts


def main() -> int:
    """0, or 1 if something failed."""
    options = parse(sys.argv[1:])
    return status_of(partial(run, options))


def run(options: Options, interrupts: Interrupts) -> int:
    """Measures, prints and keeps it all."""
    began = time.monotonic()
    report: dict[str, Any] = {"machine": results.machine(options.sizes == QUICK)}
    with stage(interrupts) as found:
        report["rows"] = compare(found, options)
        for name in options.sections:
            report[name] = attempted(partial(SECTIONS[name], found, options))
            results.show(name, report[name])
    report["machine"]["minutes"] = round((time.monotonic() - began) / 60, 1)
    results.save(options.out, report)
    print(f"After {report['machine']['minutes']} minutes; the figures are in {options.out}.")
    kept = [row for name in ("rows", *options.sections) for row in report[name]]
    return int(any("failed" in row for row in kept))


def compare(stage: Stage, options: Options) -> list[dict[str, Any]]:
    """The rows of all systems, which take turns, and their table. A machine is not as fast in one
    minute as in the next: so each is measured now and again, and not all at once."""
    measured = [*one_round(stage, options)]
    later = replace(options, sizes=replace(options.sizes, loaded=0.0))
    for _ in range(options.sizes.repeats - 1):
        measured += one_round(stage, later)
    rows = results.merged(measured)
    rows.sort(key=lambda row: [*options.systems, "all"].index(row.system))
    found = results.as_json(rows)
    if found:
        results.show("Sequences of five empty steps", found)
    return found


def one_round(stage: Stage, options: Options) -> Iterator[Row]:
    """Each system once: those without a broker, then those of each."""
    yield from rates(stage, options, None, tell)
    if any(SYSTEMS[name].has_broker for name in options.systems):
        for name in options.brokers:
            try:
                with stage.broker(name) as broker:
                    yield from rates(stage, options, broker, tell)
            except (NoRabbitMQ, ProcessError) as reason:
                yield Row("all", name, "", failed=str(reason))


def attempted(section: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Its rows, or why there are none: the other figures are worth having all the same."""
    try:
        return section()
    except Exception as error:
        traceback.print_exc()
        return [{"failed": f"{type(error).__name__}: {error}"}]


def tell(row: Row) -> None:
    """A line as soon as it is known: the whole takes its time."""
    latency = f", p50 {row.p50_ms} ms" if row.p50_ms else ""
    figures = row.failed or row.skipped or f"{row.steps_s} steps/s{latency}"
    print(f"{row.system} {row.broker or ''} {row.pool}: {figures}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
