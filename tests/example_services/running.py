"""Start one of the example services as a real process, and talk to it over a real socket."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
STOP_SECONDS = 5


class RunningService:
    """A service in a process of its own; `http` is a client that any thread may use."""

    def __init__(self, name: str, database_url: str) -> None:
        self.name = name
        self.database_url = database_url
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "examples.services", name, "--port", str(self.port)],
            cwd=REPOSITORY,
            env={**os.environ, "DATABASE_URL": database_url},
        )
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            timeout=20,
            limits=httpx.Limits(max_connections=50, keepalive_expiry=1),
        )

    def wait_until_ready(self) -> None:
        """Return once the service is healthy; fail if it has ended or takes too long."""
        wait_until(self.is_healthy, f"the start of {self.name}")

    def is_healthy(self) -> bool:
        """Whether the service answers; raises AssertionError if it has ended."""
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}"
        try:
            return bool(self.http.get("/health").json() == {"status": "ok", "service": self.name})
        except httpx.TransportError:
            return False

    def post(self, path: str, key: str, body: object) -> httpx.Response:
        """POST `body` as JSON under an idempotency key."""
        return self.http.post(path, headers={"Idempotency-Key": key}, json=body)

    def patch(self, path: str, key: str, body: object) -> httpx.Response:
        """PATCH with `body` as JSON under an idempotency key."""
        return self.http.patch(path, headers={"Idempotency-Key": key}, json=body)

    def ledger(self, key_prefix: str) -> list[dict[str, Any]]:
        """The ledger's entries, without what differs from run to run."""
        entries = self.http.get("/ledger", params={"key_prefix": key_prefix}).json()
        return [
            {name: entry[name] for name in ("key", "kind", "subject", "amount")}
            for entry in entries
        ]

    def add_fault(self, **fault: object) -> None:
        """Add a fault, which must be a valid one."""
        response = self.http.post("/faults", json=fault)
        assert response.status_code == 201, response.text

    def wait_for_blocked_transactions(self, count: int) -> None:
        """Return once this many transactions of the service wait for a lock."""
        blocked = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        # Unprepared: it is asked again and again, behind a pooler each time in another session.
        with psycopg.connect(
            self.database_url, autocommit=True, prepare_threshold=None
        ) as database:
            wait_until(lambda: database.execute(blocked).fetchone() == (count,))

    def stop(self) -> None:
        """Ask the process to end, and make it end."""
        self.http.close()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
