"""The five services, started once for all tests, and a database server for them."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from examples.services import SERVICES

from .running import RunningService


@pytest.fixture(scope="session")
def server_url() -> str:
    """The URL of a PostgreSQL server where databases may be made (tests.servers)."""
    return os.environ["DATABASE_URL"]


@contextmanager
def new_database(server_url: str, name: str) -> Iterator[str]:
    """The URL of a fresh database, dropped at the end."""
    database = f"{name}_{uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{database}"')
        try:
            yield urlsplit(server_url)._replace(path=f"/{database}").geturl()
        finally:
            server.execute(f'DROP DATABASE "{database}" WITH (FORCE)')


@pytest.fixture
def fresh_database(server_url: str) -> Iterator[str]:
    """The URL of a database for this test alone."""
    with new_database(server_url, "svc_fresh") as url:
        yield url


@pytest.fixture(scope="session")
def services(server_url: str) -> Iterator[dict[str, RunningService]]:
    """All five services, ready, by name."""
    with ExitStack() as stack:
        running = {}
        for name in SERVICES:
            url = stack.enter_context(new_database(server_url, f"svc_{name}"))
            running[name] = RunningService(name, url)
            stack.callback(running[name].stop)
        for service in running.values():
            service.wait_until_ready()
        yield running


@pytest.fixture(scope="session")
def users(services: dict[str, RunningService]) -> RunningService:
    """The users service."""
    return services["users"]


@pytest.fixture(scope="session")
def inventory(services: dict[str, RunningService]) -> RunningService:
    """The inventory service."""
    return services["inventory"]


@pytest.fixture(scope="session")
def payments(services: dict[str, RunningService]) -> RunningService:
    """The payments service."""
    return services["payments"]


@pytest.fixture(scope="session")
def orders(services: dict[str, RunningService]) -> RunningService:
    """The orders service."""
    return services["orders"]


@pytest.fixture(scope="session")
def notifications(services: dict[str, RunningService]) -> RunningService:
    """The notifications service."""
    return services["notifications"]


@pytest.fixture
def saga() -> str:
    """A saga_id that no other test uses, so that tests never see each other's keys."""
    return f"saga-{uuid4().hex}"


@pytest.fixture
def faults_cleared_afterwards(services: dict[str, RunningService]) -> Iterator[None]:
    """Whatever faults the test adds, the next test finds none."""
    yield
    for service in services.values():
        assert service.http.delete("/faults").status_code == 204
