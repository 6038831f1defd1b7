"""A pytest plugin: brings up PostgreSQL and Valkey before Django reads its settings.

`DATABASE_URL`, `REDIS_URL` and `CELERY_BROKER_URL` name servers to use instead. It is loaded by
`-p tests.servers` (pyproject.toml), because pytest-django imports the settings before any
conftest.py is read.

Under pytest-xdist the processes share PostgreSQL, in which each has databases of its own, and each
has a Valkey of its own: in that the names of queues are the same for all. Each folder of tests goes
to one process, so that its servers and workers are started once. That of tests/system comes first:
it takes the longest, and waits the most.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from deploy.local_servers import servers

FOLDER: Final = Path(__file__).resolve().parent.parent / ".local" / "test"
_running: Final = contextlib.ExitStack()
_OWN: Final = "TESTS_BRING_UP"
"""What the controller of pytest-xdist brought up by itself, for its processes not to use."""


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Before any other plugin's part of this hook."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        for name in os.environ[_OWN].split():
            os.environ.pop(name, None)
    else:
        own = {"REDIS_URL", "CELERY_BROKER_URL"} - os.environ.keys()
        os.environ[_OWN] = " ".join(own)
    found = _running.enter_context(servers(FOLDER))
    os.environ["DATABASE_URL"] = found.database_url
    os.environ["REDIS_URL"] = found.redis_url
    os.environ["CELERY_BROKER_URL"] = found.broker_url
    os.environ.setdefault("SECRET_KEY", "of the tests")
    return (yield)


@pytest.hookimpl(tryfirst=True)  # before that of pytest-xdist, which reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For pytest-xdist."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    tests = Path(__file__).parent
    folders = {item: item.path.relative_to(tests).parts[0] for item in items}
    items.sort(key=lambda item: folders[item] != "system")
    for item in items:
        item.add_marker(pytest.mark.xdist_group(folders[item]))


def pytest_unconfigure() -> None:
    _running.close()
