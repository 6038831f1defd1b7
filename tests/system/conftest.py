"""One set of real processes for all tests of this folder; a test that kills one restores it."""

import os
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from sagas.devserver.servers import create_database, drop_database
from sagas.devserver.supervisor import Supervisor, free_port
from tests.chromium import chromium as chromium
from tests.logins import LOGIN
from tests.servers import FOLDER
from tests.system.running import (
    REPOSITORY,
    WORKERS,
    Running,
    environment,
    manage,
    web,
    worker,
)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("probe")
    name = f"system_{uuid4().hex[:8]}"
    server = os.environ["DATABASE_URL"]
    env = environment(create_database(server, name), folder)
    try:
        with Supervisor(FOLDER / "logs", REPOSITORY) as supervisor:
            supervisor.run(manage(env, "migrate", "-v0"))
            port = free_port()
            supervisor.start(web(env, port), *(worker(name, env) for name in WORKERS))
            token = supervisor.run(manage(env, "saga", "token", "tester", "--create"))
            yield Running(supervisor, env, f"http://127.0.0.1:{port}", token.strip(), folder)
    finally:
        drop_database(server, name)


@pytest.fixture(scope="session")
def browser(running: Running) -> Iterator[httpx.Client]:
    """What a browser is to the server: somebody of the staff with a session, and no token."""
    fields = {"PASSWORD": "secret", "USERNAME": "boss", "EMAIL": "boss@example.com"}
    env = {**running.env, **{f"DJANGO_SUPERUSER_{name}": text for name, text in fields.items()}}
    running.supervisor.run(manage(env, "createsuperuser", "--noinput"))
    with httpx.Client(base_url=running.web_url, trust_env=False, timeout=20) as client:
        client.get("/admin/login/")
        form = {
            "username": fields[LOGIN.upper()],
            "password": "secret",
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
        }
        assert client.post("/admin/login/?next=/health/", data=form).status_code == 302
        yield client


@pytest.fixture
def waiting(running: Running) -> Iterator[str]:
    """A saga whose first step waits for as long as the test lasts, and no longer: a worker does."""
    saga_id = running.start("slow", {"a": "wait"})
    yield saga_id
    running.open_gate(saga_id, "a")
