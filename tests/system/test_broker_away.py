"""A broker that is away for longer than the limits of the steps that run meanwhile."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from deploy.rabbitmq import NoRabbitMQ, local_rabbitmq
from sagas.devserver.servers import supervised_valkey
from sagas.devserver.supervisor import Supervisor
from tests.servers import FOLDER
from tests.system.deaths import ask, start, wait_for_ends, workers
from tests.system.running import LIMIT, WORKERS

AWAY_FOR = 6.0
"""Seconds: the steps are asked to end after one, and ended after three."""


@contextmanager
def a_broker(kind: str) -> Iterator[tuple[str, Supervisor]]:
    """Its URL, and who runs it, under the name of its kind."""
    if kind == "valkey":
        with supervised_valkey(FOLDER) as found:
            yield found
        return
    try:
        with local_rabbitmq(FOLDER) as rabbitmq:
            yield rabbitmq.url, rabbitmq.supervisor
    except NoRabbitMQ as error:
        pytest.skip(str(error))


def children(supervisor: Supervisor) -> set[int]:
    """The processes of the workers, and the workers themselves."""
    mains = [psutil.Process(supervisor.pid_of(name)) for name in WORKERS]
    return {each.pid for main in mains for each in (main, *main.children())}


@pytest.mark.timeout(300)  # to connect again Celery waits for up to half a minute
@pytest.mark.parametrize("kind", ["valkey", "rabbitmq"])
def test_r4_no_process_is_ended_for_what_it_did_while_the_broker_was_away(kind: str) -> None:
    """Celery's main process notices neither results nor time until it is connected again. What
    ended long ago must not be struck then, nor what runs by that time."""
    with (
        a_broker(kind) as (url, broker),
        workers(os.environ["DATABASE_URL"], CELERY_BROKER_URL=url) as (supervisor, env),
    ):
        before = children(supervisor)
        start(supervisor, env, "busy", 40, 0)
        question = "SELECT count(*) FROM sagas_sagaexecution WHERE saga_type = 'busy' AND status = "
        deadline = time.monotonic() + LIMIT
        while ask(env, question + "'completed'")[0][0] < 4:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        broker.stop(kind)
        time.sleep(AWAY_FOR)  # how long it is away is what this is about
        broker.restart(kind)
        wait_for_ends(env)
        assert ask(env, question + "'completed'") == [(40,)]
        assert children(supervisor) == before, "none was ended, and none replaced"
        failed = "SELECT data->'failure' FROM sagas_sagaevent WHERE type = 'step.retrying'"
        # On a machine that has other work, a claim may wait for too long, and is given back.
        assert [failure for (failure,) in ask(env, failed) if failure["kind"] != "later"] == []
