"""From figures to tables: pure."""

import json
from pathlib import Path

import pytest

from bench import page, results
from bench.options import parse
from bench.rates import Measured, count_for, quantile
from bench.results import Row
from bench.rooms import rooms
from bench.sections.alone import there_and_back
from bench.sections.growth import Turn, compared, together
from bench.sizes import LATEST
from bench.soak import quarters

STEP = "run (celery/app/trace.py:1);perform (sagas/worker/steps.py:9)"


def test_the_best_pool_of_each_system_is_first_and_what_failed_is_last() -> None:
    rows = [
        Row("a", "valkey", "prefork", 100.0),
        Row("a", "valkey", "threads", 200.0),
        Row("b", "valkey", "prefork", failed="it broke"),
        Row("b", "valkey", "threads", 50.0),
        Row("a", "rabbitmq", "prefork", 10.0),
    ]
    assert [(r.system, r.broker, r.pool) for r in results.ordered(rows)] == [
        ("a", "valkey", "threads"),
        ("a", "valkey", "prefork"),
        ("a", "rabbitmq", "prefork"),
        ("b", "valkey", "threads"),
        ("b", "valkey", "prefork"),
    ]


def test_rounds_become_one_row_with_the_medians_of_what_they_have() -> None:
    rounds = [
        Row("a", None, "p", 100.0, 7.0, 9.0, 0.9, 50.0, 8.0, 10.0, 300, runs=[100.0]),
        Row("b", None, "p", 10.0, cpu_s_per_1000=9.0, bytes_per_saga=30, runs=[10.0]),
        Row("a", None, "p", 300.0, 5.0, 8.0, cpu_s_per_1000=0.3, bytes_per_saga=100, runs=[300.0]),
        Row("b", None, "p", 30.0, cpu_s_per_1000=3.0, bytes_per_saga=10, runs=[30.0]),
        Row("a", None, "p", 200.0, cpu_s_per_1000=0.6, bytes_per_saga=200, runs=[200.0]),
    ]
    assert results.merged(rounds) == [
        Row("a", None, "p", 200.0, 6.0, 8.5, 0.6, 50.0, 8.0, 10.0, 200, runs=[100.0, 300.0, 200.0]),
        Row("b", None, "p", 20.0, cpu_s_per_1000=6.0, bytes_per_saga=20, runs=[10.0, 30.0]),
    ]


@pytest.mark.parametrize("reason", [{"failed": "it broke"}, {"skipped": "no wheel"}])
def test_what_one_round_could_not_measure_has_no_figure(reason: dict[str, str]) -> None:
    rounds = [Row("a", None, "p", 100.0, cpu_s_per_1000=0.9), Row("a", None, "p", **reason)]  # type: ignore[arg-type]
    assert results.merged(rounds) == [rounds[1]]
    broken = Row("a", None, "p", failed="worse")
    assert results.merged([*rounds, broken])[0].failed in (reason.get("failed"), "worse")


def test_the_states_take_turns_there_and_back() -> None:
    assert there_and_back(3, 3) == [0, 1, 2, 2, 1, 0, 0, 1, 2]
    assert there_and_back(3, 1) == [0, 1, 2]


def test_a_states_row_has_medians_and_the_slowest_claims_of_all_turns() -> None:
    turns = [
        Turn(Measured(sequences=200, seconds=seconds, cpu=seconds), [claim] * 9 + [0.1])
        for seconds, claim in ((2.0, 0.001), (10.0, 0.003), (4.0, 0.002))
    ]
    row = together(turns)
    assert (row["steps_s"], row["cpu_s_per_1000"], row["runs"]) == (250.0, 4.0, [500, 100, 250])
    assert (row["claim_p50_ms"], row["claim_p99_ms"]) == (2.0, 100.0)
    # Beside the empty one's turn of the same round: 0.5, 1.0, 0.4.
    beside = row | {"runs": [250, 100, 100]}
    assert compared([row, beside]) == [row, beside | {"ratio": 0.5}]


def test_a_row_has_the_keys_that_others_read() -> None:
    [row] = results.as_json([Row("dbos", None, "in process", 127.0, 42.0, 50.0, 8.0)])
    wanted = {"system", "broker", "pool", "steps_s", "p50_ms", "p95_ms", "cpu_s_per_1000"}
    assert wanted <= row.keys()
    assert not {"failed", "skipped"} & row.keys()


def test_rates_are_of_steps() -> None:
    measured = Measured(sequences=200, seconds=4.0, cpu=2.0)
    assert (measured.steps_s, measured.cpu_s_per_1000) == (250.0, 2.0)


@pytest.mark.parametrize(("rate", "count"), [(50.0, 200), (1.0, 20), (1e6, 5000)])
def test_a_batch_takes_about_as_long_as_it_should(rate: float, count: int) -> None:
    assert count_for(rate, 4.0) == count


def test_quantiles_are_in_milliseconds() -> None:
    times = [number / 1000 for number in range(100, 0, -1)]
    assert (quantile(times, 0.5), quantile(times, 0.99), quantile([0.002], 0.95)) == (51, 100, 2)


def test_only_a_whole_run_goes_into_the_repository(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse([]).out == LATEST
    for part in (["--quick"], ["--only", "wake"], ["--broker", "valkey"], ["--pool", "threads"]):
        assert parse(part).out != LATEST
    for wrong in (["--only", "nothing"], ["--broker", "sqs"], ["--pool", "gevent"]):
        with pytest.raises(SystemExit):
            parse(wrong)
    assert "there is no nothing; there are engine-run-on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stack", "room"),
    [
        (
            f"{STEP};save (sagas/store/executions.py:1);execute (psycopg/cursor.py:2)",
            "psycopg",
        ),
        (f"{STEP};decide (sagas/machine/decide.py:1);len (x.py:3)", "machine"),
        (f"{STEP};push (sagas/live/push.py:70)", "push"),
        ("run (sagas/bus/relay.py:80);execute (psycopg/cursor.py:2)", "relay"),
        ("_run (sagas/worker/wake_loop.py:80);dumps (json/encoder.py:2)", "wake loop"),
        ("main (threading.py:1)", "Python"),
    ],
)
def test_a_stack_belongs_to_the_room_that_it_is_deepest_in(stack: str, room: str) -> None:
    assert rooms([f"{stack} 3", f"{stack} 4"]) == {room: 7}


def test_the_soak_compares_the_quarters() -> None:
    samples = [{"worker, MB": 10.0}] * 2 + [{"worker, MB": 99.0}] * 4 + [{"worker, MB": 15.0}] * 2
    assert quarters(samples) == [{"of": "worker, MB", "first": 10.0, "last": 15.0, "ratio": 1.5}]


def test_the_page_has_its_tables_between_its_marks_and_keeps_the_rest() -> None:
    report = {
        "machine": {"cores": 2},
        "rows": [
            {"system": "a", "broker": "valkey", "pool": "p", "steps_s": 1234.5, "p50_ms": 7.25},
            {"system": "b", "broker": None, "pool": "p", "skipped": "no wheel"},
        ],
        "starts": [{"way": "in bulk", "starts_s": 10.0}],
    }
    text = page.with_tables(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n", report)
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "| a | valkey | p | 1,234 | 7.25 |" in text
    assert "b, None, p: skipped: no wheel" in text
    assert "| in bulk | 10 |" in text
    assert "old" not in text
    assert page.with_tables(text, report) == text


def test_the_page_is_made_of_the_latest_figures() -> None:
    text = page.PAGE.read_text()
    assert page.with_tables(text, json.loads(LATEST.read_text())) == text, "`make docs` writes it."


def test_a_report_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.json"
    results.save(path, {"rows": []})
    with pytest.raises(TypeError):
        results.save(path, {"rows": object()})
    assert json.loads(path.read_text()) == {"rows": []}
