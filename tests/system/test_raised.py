"""R25: whatever an action raises ends no process, in each pool that may run sagas."""

import pytest

from tests.realtime.brokers import Broker
from tests.system.alone import alone, start, wait_for_end
from tests.system.running import worker
from tests.tasks.raising import each

NAME = "worker-raised"


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_each_is_reported_by_name_and_no_process_ends(
    pool: str, valkey: Broker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wanted = {f"s-{number}": pair for number, pair in enumerate(each())}
    with alone(valkey.bus.url, tmp_path_factory.mktemp("raised")) as running:
        # "b" is run in place, or in step with those of other sagas; the first attempt raises.
        scripts = {saga_id: {"b:1": f"raise {which}"} for saga_id, (which, _) in wanted.items()}
        start(running, scripts)
        running.supervisor.start(worker(NAME, running.env, "--pool", pool))
        pid = running.supervisor.pid_of(NAME)
        wait_for_end(running, NAME)
        found = running.sql(
            "SELECT x.saga_id, x.status, e.data -> 'failure' ->> 'error' FROM sagas_sagaevent AS e "
            "JOIN sagas_sagaexecution AS x ON x.id = e.execution_id WHERE e.type = 'step.retrying'"
        )
        names = [(saga_id, "completed", name) for saga_id, (_, name) in wanted.items()]
        assert sorted(found) == sorted(names)
        journals = (running.folder / f"{saga_id}.journal" for saga_id in wanted)
        processes = {
            line.split()[-1] for path in journals for line in path.read_text().splitlines()
        }
        assert len(processes) <= 2, "none was replaced"
        assert running.supervisor.pid_of(NAME) == pid
        longest = running.sql(
            "SELECT max(length(result) + length(traceback)), count(*) "
            "FROM django_celery_results_taskresult WHERE task_name = 'probe.b'"
        )
        assert longest[0][0] < 50_000
        assert longest[0][1] == len(wanted), "each failure is stored"
