"""The pools that a worker may have."""

from types import SimpleNamespace

import pytest
from celery.concurrency.base import BasePool
from celery.concurrency.prefork import TaskPool as Prefork
from celery.concurrency.solo import TaskPool as Solo
from celery.concurrency.thread import TaskPool as Threads
from django.core.exceptions import ImproperlyConfigured

from sagas.worker.setup import PoolCheck


class Greenlets(BasePool):
    """As those of gevent and eventlet, which need not be installed for this."""

    is_green = True


@pytest.mark.parametrize("pool", [Prefork, Threads, Solo])
def test_a_pool_of_processes_or_threads_may_run_sagas(pool: type) -> None:
    worker = SimpleNamespace(pool_cls=pool, steps=[])
    check = PoolCheck(worker)
    assert check.include(worker)
    assert worker.steps == [check]


def test_a_worker_with_greenlets_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"Start this worker with `--pool prefork`"):
        PoolCheck(SimpleNamespace(pool_cls=Greenlets, steps=[]))
