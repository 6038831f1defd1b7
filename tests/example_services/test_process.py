"""A service as a process: it prepares its database, stops when told to, and knows no engine."""

import ast
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.waiting import wait_until

from .running import REPOSITORY, RunningService

STOP_WITHIN_SECONDS = 30
BOOK = {"items": [{"sku": "book", "quantity": 1}]}


def test_restart_forgets_nothing_and_seeds_nothing_twice(fresh_database: str) -> None:
    """Receipts and stock are in the database; a restarted service answers the same keys alike."""
    service = RunningService("inventory", fresh_database)
    try:
        service.wait_until_ready()
        first = service.post("/reservations", "saga:reserve:action", BOOK)
        assert first.status_code == 201
    finally:
        service.stop()
    restarted = RunningService("inventory", fresh_database)
    try:
        restarted.wait_until_ready()
        again = restarted.post("/reservations", "saga:reserve:action", BOOK)
        assert again.content == first.content
        assert restarted.http.get("/stock").json()["book"] == 499
    finally:
        restarted.stop()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_it_cleanly_in_the_middle_of_a_request(
    fresh_database: str, stop: signal.Signals
) -> None:
    """It ends soon and with status 0, though a request is waiting out a minute of latency."""
    service = RunningService("users", fresh_database)
    try:
        service.wait_until_ready()
        service.add_fault(latency=60)
        with ThreadPoolExecutor(1) as thread:
            pending = thread.submit(get_or_none, service, "/users/alice")
            wait_until(lambda: service.http.get("/faults").json()[0]["fired"] == 1)
            told = time.monotonic()
            service.process.send_signal(stop)
            assert service.process.wait(STOP_WITHIN_SECONDS + 5) == 0
            assert time.monotonic() - told < STOP_WITHIN_SECONDS
            answer = pending.result()
        assert answer is None
        with pytest.raises(httpx.ConnectError):
            service.http.get("/health")
    finally:
        service.stop()


def get_or_none(service: RunningService, path: str) -> httpx.Response | None:
    """The answer, or None if the connection ended without one."""
    try:
        return service.http.get(path)
    except httpx.TransportError:
        return None


@pytest.mark.parametrize(
    ("arguments", "database_url", "complaint"),
    [
        (["banking", "--port", "1"], "postgresql://localhost/x", "invalid choice: 'banking'"),
        (["users"], "postgresql://localhost/x", "--port"),
        (["users", "--port", "1"], None, "DATABASE_URL is not set"),
    ],
)
def test_wrong_start_says_what_is_wrong(
    arguments: list[str], database_url: str | None, complaint: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    if database_url:
        environment["DATABASE_URL"] = database_url
    ended = subprocess.run(
        [sys.executable, "-m", "examples.services", *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode != 0
    assert complaint in ended.stderr


def test_services_know_nothing_of_the_engine() -> None:
    """They stand for somebody else's services: they import what those can install, no more."""
    files = sorted((REPOSITORY / "examples" / "services").rglob("*.py"))
    assert len(files) > 30
    open_to_all = {"examples", "saga_participant", "sagas"}
    own = {path.name for path in REPOSITORY.iterdir() if path.is_dir()} - open_to_all
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                imported = [node.module or ""]
            else:
                continue
            for module in imported:
                parts = module.split(".")
                assert parts[0] not in own, f"{file} imports {module}"
                assert parts[0] != "examples" or parts[1] == "services", f"{file}: {module}"
                # A service enters itself into the registry.
                assert parts[0] != "sagas" or parts[1:] == ["services", "registry"], (
                    f"{file}: {module}"
                )
