"""R25: whatever an action raises ends no process, in each pool that may run sagas."""

from collections.abc import Iterator

import pytest

from tests.realtime.brokers import Broker
from tests.system.alone import alone, start, wait_for_end
from tests.system.running import Running, worker
from tests.worker.raising import each

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def running(valkey: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with alone(valkey.bus.url, tmp_path_factory.mktemp("raised")) as found:
        yield found


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_each_is_reported_by_name_and_no_process_ends(pool: str, running: Running) -> None:
    name, wanted = f"worker-{pool}", {f"{pool}-{n}": pair for n, pair in enumerate(each())}
    # "b" is run in place, or in step with those of other sagas; the first attempt raises.
    scripts = {saga_id: {"b:1": f"raise {which}"} for saga_id, (which, _) in wanted.items()}
    start(running, scripts)
    running.supervisor.start(worker(name, running.env, "--pool", pool))
    try:
        pid = running.supervisor.pid_of(name)
        wait_for_end(running, name)
        assert running.supervisor.pid_of(name) == pid
    finally:
        running.supervisor.stop(name)
    found = running.sql(
        "SELECT x.saga_id, x.status, e.data -> 'failure' ->> 'error' FROM sagas_sagaevent AS e "
        "JOIN sagas_sagaexecution AS x ON x.id = e.execution_id "
        "WHERE e.type = 'step.retrying' AND x.saga_id LIKE %s",
        f"{pool}-%",
    )
    names = [(saga_id, "completed", error) for saga_id, (_, error) in wanted.items()]
    assert sorted(found) == sorted(names)
    journals = (running.folder / f"{saga_id}.journal" for saga_id in wanted)
    processes = {line.split()[-1] for path in journals for line in path.read_text().splitlines()}
    assert len(processes) <= 2, "none was replaced"


def test_each_failure_is_stored_in_a_bounded_text(running: Running) -> None:
    [(longest, count)] = running.sql(
        "SELECT max(length(result) + length(traceback)), count(*) "
        "FROM django_celery_results_taskresult WHERE task_name = 'probe.b'"
    )
    assert longest < 50_000
    assert count == 3 * len(list(each()))
