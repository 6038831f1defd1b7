"""R24: what is no message of a task ends no worker, on either broker."""

import pytest

from tests.realtime.brokers import Broker
from tests.system import trash
from tests.system.alone import alone, start, wait_for_end
from tests.system.running import worker

pytestmark = pytest.mark.timeout(300)

NAME = "worker-garbage"


def test_a_flood_of_garbage_ends_no_worker(
    broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with alone(broker.bus.url, tmp_path_factory.mktemp("garbage")) as running:
        running.supervisor.start(worker(NAME, running.env))
        pid, log = running.supervisor.pid_of(NAME), running.supervisor.log_of(NAME)
        sent = trash.throw_in(broker.bus.url, times=3)
        start(running, {"behind-it": {}})
        wait_for_end(running, NAME)
        assert running.sql("SELECT saga_id, status FROM sagas_sagaexecution") == [
            ("behind-it", "completed")
        ]
        assert running.supervisor.pid_of(NAME) == pid
        text = log.read_text(errors="replace")
    assert 1 <= text.count("invalid messages") < sent / 20, "once in a while"
    assert max(map(len, text.splitlines())) < 20_000
    assert "Unrecoverable error" not in text
