"""From a commit to a subscriber's socket: `python -m bench.sockets [--sockets 1000] [--rate 50]`.

Real servers, two uvicorn processes, and this process as all the subscribers: each socket follows a
saga of its own. One more reader stands still on a long history, and must harm nobody. Exit status
1 if an event was missed, doubled or out of order, or a figure is over its limit.
"""

import argparse
import asyncio
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from websockets.asyncio.client import connect

from sagas.devserver.child import Command
from sagas.devserver.servers import create_database, drop_database, servers
from sagas.devserver.supervisor import Supervisor, free_port

ROOT: Final = Path(__file__).resolve().parent.parent
SOCKETS_OF_A_USER: Final = 50
WEBS: Final = ("web-1", "web-2")
LIMITS: Final = {"at rest": (0.030, 0.150), "under load": (None, 0.500)}
"""Seconds for the median and the 99th percentile, with two cores for everything."""
SETTLE: Final = 10.0
"""Seconds for the last events to arrive."""
HISTORY: Final = 20_000
"""Events of 1 KB for the reader who stands still: more than all buffers on the way hold."""

_LONG_HISTORY: Final = """
WITH found AS (SELECT id, last_seq FROM sagas_sagaexecution ORDER BY id DESC LIMIT 1),
more AS (
    INSERT INTO sagas_sagaevent (execution_id, seq, type, at, status, data)
    SELECT id, last_seq + n, 'step.late', now(), 'running',
           jsonb_build_object('filler', repeat(md5(n::text), 32))
    FROM found, generate_series(1, %s) AS n
)
UPDATE sagas_sagaexecution x SET last_seq = x.last_seq + %s FROM found WHERE x.id = found.id
RETURNING x.saga_id
"""


@dataclass
class Stack:
    """What runs: addresses, and the environment of the engine's processes."""

    env: Mapping[str, str]
    urls: list[str]
    tokens: list[str]


@dataclass
class Watched:
    """One socket's saga, and when each of its events came."""

    saga_id: str
    came: dict[int, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@contextmanager
def stack(users: int) -> Iterator[Stack]:
    """A database of this run, two web processes, and tokens of staff."""
    folder = ROOT / ".local" / "bench"
    name = f"bench_{secrets.token_hex(4)}"
    with ExitStack() as exits:
        found = exits.enter_context(servers(folder))
        env = {
            **os.environ,
            "DATABASE_URL": create_database(found.database_url, name),
            "REDIS_URL": found.redis_url,
            "CELERY_BROKER_URL": "memory://",
            "EVENTS_URL": "",  # no bus
            "SECRET_KEY": secrets.token_hex(16),
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "LOG_LEVEL": "WARNING",
        }
        exits.callback(drop_database, found.database_url, name)
        supervisor = exits.enter_context(Supervisor(folder / "logs", ROOT))
        manage = [sys.executable, "manage.py"]
        supervisor.run(Command("migrate", [*manage, "migrate", "-v0"], env))
        tokens = [
            supervisor.run(
                Command("token", [*manage, "saga", "token", f"user-{n}", "--create"], env)
            )
            for n in range(users)
        ]
        with psycopg.connect(env["DATABASE_URL"], autocommit=True) as session:
            session.execute("UPDATE auth_user SET is_superuser = true")
        ports = [free_port() for _ in WEBS]
        supervisor.start(*(web(each, port, env) for each, port in zip(WEBS, ports, strict=True)))
        urls = [f"ws://127.0.0.1:{port}" for port in ports]
        yield Stack(env, urls, [token.strip() for token in tokens])


def web(name: str, port: int, env: Mapping[str, str]) -> Command:
    argv = [sys.executable, "-m", "uvicorn", "project.asgi:application", "--port", str(port)]
    argv += ["--log-level", "warning"]
    return Command(name, argv, env, ready=f"http://127.0.0.1:{port}/health/")


async def watch(found: Stack, number: int, watched: Watched, ready: asyncio.Semaphore) -> None:
    """Follows one saga until it is cancelled."""
    url = f"{found.urls[number % len(found.urls)]}/ws/v1/sagas/{watched.saga_id}/"
    token = found.tokens[number // SOCKETS_OF_A_USER % len(found.tokens)]
    headers = {"Authorization": f"Bearer {token}"}
    last = 0
    async with connect(
        url, additional_headers=headers, proxy=None, compression=None, open_timeout=60
    ) as stream:
        async for frame in stream:
            came = time.time()
            message = json.loads(frame)
            if message.get("type") == "snapshot":
                ready.release()
            if "seq" not in message:
                continue
            if message["seq"] != last + 1:
                watched.problems.append(f"{watched.saga_id}: {message['seq']} after {last}")
            last = message["seq"]
            watched.came[last] = came


async def measure(found: Stack, name: str, sockets: int, rate: float, seconds: float) -> bool:
    """One run; prints its figures, and returns whether all is well."""
    prefix = name.replace(" ", "-")
    arguments = ["--sagas", str(sockets + 1), "--rate", str(rate), "--seconds", str(seconds)]
    argv = [sys.executable, "-m", "bench.transitions", *arguments, "--prefix", prefix]
    with subprocess.Popen(
        argv,
        env=dict(found.env),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        while driver.stdout.readline().strip() != "started":
            pass
        everybody = [Watched(f"{prefix}-{number}") for number in range(sockets)]
        ready = asyncio.Semaphore(0)
        tasks = []
        began = time.monotonic()
        for number, each in enumerate(everybody):
            tasks.append(asyncio.create_task(watch(found, number, each, ready)))
            if number % 50 == 49:
                await asyncio.sleep(0.1)
        for _ in everybody:
            await ready.acquire()
        print(f"{name}: {sockets} sockets open after {time.monotonic() - began:.1f} s")
        stalled = stand_still(found) if name == "under load" else None
        driver.stdin.write("go\n")
        driver.stdin.close()
        lines = await asyncio.to_thread(driver.stdout.read)
        well = await judge(found, name, everybody, [line.split() for line in lines.splitlines()])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return (stalled is None or was_dropped(stalled)) and well


def ids_of(found: Stack, prefix: str) -> dict[int, str]:
    with psycopg.connect(found.env["DATABASE_URL"]) as session:
        rows = session.execute(
            "SELECT id, saga_id FROM sagas_sagaexecution WHERE saga_id LIKE %s", [f"{prefix}-%"]
        )
        return dict(rows.fetchall())


async def judge(
    found: Stack, name: str, everybody: list[Watched], commits: list[list[str]]
) -> bool:
    """Compares what was committed with what came."""
    ids = ids_of(found, name.replace(" ", "-"))
    by_id = {each.saga_id: each for each in everybody}
    commits = [each for each in commits if ids[int(each[0])] in by_id]
    last = {ids[int(pk)]: int(seq) for pk, seq, _ in commits}
    deadline = time.monotonic() + SETTLE
    while time.monotonic() < deadline and any(
        len(by_id[saga_id].came) < seq for saga_id, seq in last.items()
    ):
        await asyncio.sleep(0.05)
    problems = [problem for each in everybody for problem in each.problems]
    lags = []
    for pk, seq, at in commits:
        came = by_id[ids[int(pk)]].came.get(int(seq))
        if came is None:
            problems.append(f"{ids[int(pk)]}: event {seq} never came")
        else:
            lags.append(came - float(at))
    cuts = statistics.quantiles(lags, n=100)
    p50, p99 = cuts[49], cuts[98]
    print(
        f"{name}: {len(lags)} transitions, p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms,",
        end="",
    )
    print(f" worst {max(lags) * 1000:.1f} ms, {len(problems)} gaps or repeats")
    for problem in problems[:10]:
        print(f"  {problem}")
    most_p50, most_p99 = LIMITS[name]
    return not problems and (most_p50 is None or p50 <= most_p50) and p99 <= most_p99


def stand_still(found: Stack) -> socket.socket:
    """Opens a socket on a long history, that of the saga which nobody else watches, and never reads
    from it."""
    with psycopg.connect(found.env["DATABASE_URL"], autocommit=True) as session:
        [saga_id] = session.execute(_LONG_HISTORY, [HISTORY, HISTORY]).fetchone() or [""]
    host, _, port = found.urls[0].removeprefix("ws://").partition(":")
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect((host, int(port)))
    request = (
        f"GET /ws/v1/sagas/{saga_id}/ HTTP/1.1\r\nHost: {host}:{port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Authorization: Bearer {found.tokens[-1]}\r\n\r\n"
    )
    reader.sendall(request.encode())
    return reader


def was_dropped(reader: socket.socket) -> bool:
    """Whether the server has cut it: what is left in the buffers ends in a reset or an end."""
    reader.settimeout(20)
    try:
        while reader.recv(1 << 16):
            pass
    except TimeoutError:
        print("The reader that stood still was NOT dropped.")
        return False
    except ConnectionResetError:
        pass
    finally:
        reader.close()
    print("The reader that stood still was dropped.")
    return True


async def run(options: Any) -> bool:
    """Both measurements."""
    users = -(-options.sockets // SOCKETS_OF_A_USER) + 1
    with stack(users) as found:
        calm = await measure(found, "at rest", 20, 10, options.seconds)
        load = await measure(found, "under load", options.sockets, options.rate, options.seconds)
    return calm and load


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50.0, help="Transitions a second.")
    parser.add_argument("--seconds", type=float, default=30.0)
    return 0 if asyncio.run(run(parser.parse_args())) else 1


if __name__ == "__main__":
    sys.exit(main())
