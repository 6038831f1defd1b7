"""Worlds on several processes, each with a database of its own."""

import os
import signal
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Final
from uuid import uuid4

import django
from django.core.management import call_command

from sagas.devserver.servers import create_database, drop_database

SAGAS_PER_WORLD: Final = 50
"""At once: enough to be in each other's way, few enough that a violation can be read."""


def play_worlds(
    worlds: Sequence[tuple[int, int]], processes: int, database_url: str, redis_url: str
) -> Generator[Any]:
    """The `Outcome` of each world, a seed and a number of sagas, in the order of `worlds`."""
    spawning = get_context("spawn")
    with _databases(database_url, processes) as urls:
        waiting = spawning.SimpleQueue()
        for url in urls:
            waiting.put(url)
        with ProcessPoolExecutor(
            processes, mp_context=spawning, initializer=_prepare, initargs=(waiting, redis_url)
        ) as pool:
            try:
                yield from pool.map(_play, worlds)
            finally:
                pool.shutdown(cancel_futures=True)


@contextmanager
def _databases(server_url: str, count: int) -> Iterator[list[str]]:
    """URLs of `count` empty databases, which are gone after the block."""
    names = [f"simulation_{uuid4().hex[:8]}" for _ in range(count)]
    try:
        yield [create_database(server_url, name) for name in names]
    finally:
        for name in names:
            drop_database(server_url, name)


def set_up_django(database_url: str, redis_url: str) -> None:
    """Makes Django ready in this process."""
    os.environ |= {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    os.environ.setdefault("SECRET_KEY", "of the simulation")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()


def _prepare(waiting: Any, redis_url: str) -> None:
    """Makes a new process ready, on the next database. Ctrl-C is for the parent: it hands out no
    more worlds then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_up_django(waiting.get(), redis_url)
    call_command("migrate", verbosity=0)


def _play(world: tuple[int, int]) -> Any:
    from tests.simulation.play import play  # Django must be ready first

    return play(*world)
