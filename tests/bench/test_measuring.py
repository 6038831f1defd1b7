"""What the bench measures is there, by a glance at each: real servers, real workers, no figure."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bench.rates import attempted
from bench.sections import SECTIONS
from bench.sizes import PARTIAL, Options, Sizes
from bench.stage import Broker, Stage, stage
from bench.systems import SYSTEMS
from sagas.devserver.interrupts import Interrupts
from sagas.devserver.servers import administrator
from tests.servers import FOLDER

GLANCE = Sizes(
    warm_up=(2,),
    bulk=20,
    seconds=0.1,
    repeats=1,
    latencies=3,
    at_rest=0.1,
    loaded=0.3,
    finished=(0, 50),
    parked=50,
    turns=1,
    claims=20,
    backlog=1000,
    starts=20,
)


@pytest.fixture(scope="module")
def found() -> Iterator[Stage]:
    with stage(Interrupts(), FOLDER / "bench") as running:
        yield running


@pytest.fixture(scope="module")
def broker(found: Stage) -> Iterator[Broker]:
    with found.broker("valkey") as running:
        yield running


@pytest.mark.parametrize("name", ["engine-run-on", "celery-chain", "celery-chain-tuned"])
def test_a_system_has_all_its_figures(name: str, found: Stage, broker: Broker) -> None:
    row = attempted(found, GLANCE, SYSTEMS[name], broker, "threads")
    assert not row.failed
    assert len(row.runs) == 1
    for figure in (row.steps_s, row.p50_ms, row.p95_ms, row.p95_loaded_ms, row.cpu_s_per_1000):
        assert figure
        assert figure > 0
    # The others start one by one in any case: for them that is what `steps_s` is.
    assert bool(row.single_steps_s) is (name == "engine-run-on")


def test_a_later_round_has_no_load(found: Stage, broker: Broker) -> None:
    later = replace(GLANCE, loaded=0.0)
    row = attempted(found, later, SYSTEMS["engine-run-on"], broker, "threads")
    assert row.steps_s
    assert row.p50_ms
    assert (row.single_steps_s, row.p50_loaded_ms) == (None, None)


def test_raw_celery_has_no_sequences_and_so_no_latency(found: Stage, broker: Broker) -> None:
    row = attempted(found, GLANCE, SYSTEMS["celery-raw"], broker, "prefork")
    assert not row.failed
    assert row.steps_s
    assert row.p50_ms is None


# `processes` is what `contexts` is, with more workers.
@pytest.mark.parametrize("name", [name for name in SECTIONS if name != "processes"])
def test_a_section_has_its_rows(name: str, found: Stage) -> None:
    options = Options(GLANCE, [], [name], ["valkey"], ["threads"], PARTIAL)
    rows: list[dict[str, Any]] = SECTIONS[name](found, options)
    assert rows
    for row in rows:
        for key, value in row.items():
            if key.endswith(("_s", "_ms", "_per_step")):
                assert value > 0, f"{key} of {row}"
    assert databases(found) == [found.template], "each is dropped that it has made"


def databases(found: Stage) -> list[str]:
    with administrator(found.database_url) as session:
        named = "SELECT datname FROM pg_database WHERE datname LIKE 'bench%'"
        return [name for (name,) in session.execute(named)]


def test_what_cannot_be_measured_says_why(found: Stage, broker: Broker) -> None:
    gone = Broker("valkey", "redis://127.0.0.1:1")
    row = attempted(found, GLANCE, SYSTEMS["celery-chain"], gone, "threads")
    assert row.steps_s is None
    assert row.failed
