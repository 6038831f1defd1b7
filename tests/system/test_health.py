"""What a web process says of itself, with each of the parts that it needs away."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from sagas.devserver.child import Command
from sagas.devserver.supervisor import Supervisor, free_port
from tests.servers import FOLDER
from tests.system.running import REPOSITORY, environment, web

PARTS = {
    "database": "DATABASE_URL",
    "broker": "CELERY_BROKER_URL",
    "channel_layer": "REDIS_URL",
}


@contextmanager
def web_process(env: Mapping[str, str], folder: Path) -> Iterator[httpx.Client]:
    """A client of a web process, which is there as soon as it is live."""
    port = free_port()
    command = web({**environment(env["DATABASE_URL"], folder), **env}, port)
    live = f"http://127.0.0.1:{port}/health/live"
    with Supervisor(FOLDER / "logs", REPOSITORY) as supervisor:
        supervisor.start(Command("web-for-health", command.argv, command.env, ready=live))
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20
        ) as client:
            yield client


@pytest.mark.parametrize("away", [None, *PARTS])
def test_it_is_live_whatever_is_away_and_ready_if_nothing_is(
    away: str | None, tmp_path: Path
) -> None:
    """A part that is away is an address where nobody listens."""
    env = {name: os.environ[name] for name in PARTS.values()}
    if away:
        address = urlsplit(env[PARTS[away]])
        netloc = f"{address.username or ''}@127.0.0.1:{free_port()}".lstrip("@")
        env[PARTS[away]] = address._replace(netloc=netloc, query="").geturl()
    with web_process(env, tmp_path) as client:
        parts = {part: "failed" if part == away else "ok" for part in PARTS}
        said = {"status": "failed" if away else "ok", **parts}
        # Without a database each answer takes ten seconds, the patience of the pool.
        for path in ("/health/ready",) if away == "database" else ("/health/ready", "/health/"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()) == (503 if away else 200, said)
        live = client.get("/health/live")
        assert (live.status_code, live.json()) == (200, {"status": "ok"})
        assert client.post("/health/live").status_code in (403, 405)
