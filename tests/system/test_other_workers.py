"""R28: workers of other code, on the project's default queue, get no hint of the engine's."""

import pytest

from tests.realtime.brokers import Broker
from tests.system.alone import alone, start, wait_for_end
from tests.system.bare import app
from tests.system.running import worker

pytestmark = pytest.mark.timeout(300)

OURS, BARE = "worker-ours", "worker-bare"


def test_none_of_eighteen_steps_hints_is_eaten(
    broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with alone(broker.bus.url, tmp_path_factory.mktemp("others")) as running:
        env = {**running.env, "INLINE_STEPS": "1"}  # a message for each step
        bare = {**env, "DJANGO_SETTINGS_MODULE": ""}
        running.supervisor.start(
            worker(BARE, bare, app="tests.system.bare"), worker(OURS, env, "--concurrency", "1")
        )
        start(running, {f"s-{number}": {} for number in range(6)})
        wait_for_end(running, OURS, BARE)
        log = running.supervisor.log_of(BARE).read_text()
        assert app.conf.task_default_queue in log
        assert "unregistered task" not in log
        counts = running.sql("SELECT status, count(*) FROM sagas_sagaexecution GROUP BY status")
        assert counts == [("completed", 6)]
