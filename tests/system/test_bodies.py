"""No request moves the memory of a real server by more than 32 MB, or gets more than 64 KB of
errors, whatever its body is; and who may not ask is told so before the body is looked at."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from sagas import engine, tokens
from sagas.devserver.supervisor import Supervisor, free_port
from sagas.machine import Saga, WaitFor
from tests.servers import FOLDER
from tests.system.running import REPOSITORY, environment, web

MOST_MEMORY = 32 * 1024
"""Kilobytes."""

MOST_ANSWERED = 64 * 1024
LIMIT = 1024 * 1024

ROUTES = [
    "sagas",
    "sagas/bulk",
    "sagas/actions",
    "sagas/s-1/signals/paid",
    *(f"sagas/s-1/{verb}" for verb in ("cancel", "pause", "resume", "retry", "skip", "resolve")),
    "sagas/s-1/amend",
]


@dataclass(frozen=True)
class Server:
    url: str
    pid: int
    staff: str
    owner: str

    def post(self, route: str, body: bytes, token: str, **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
        with httpx.Client(trust_env=False, timeout=60) as client:
            return client.post(f"{self.url}/api/v1/{route}", content=body, headers=sent)

    def memory(self, name: str) -> int:
        """Kilobytes: what the process has now (`VmRSS`), or had at most (`VmHWM`)."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name))

    def forget_the_most(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@pytest.fixture(scope="module")
def process(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int]]:
    """The address and the process of a server on the tests' own database."""
    name = connection.settings_dict["NAME"]
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    env = environment(database, tmp_path_factory.mktemp("bodies"))
    with Supervisor(FOLDER / "logs", REPOSITORY) as supervisor:
        url = f"http://127.0.0.1:{(port := free_port())}"
        supervisor.start(replace(web(env, port), ready=f"{url}/health/live"))
        yield url, supervisor.pid_of("web")


@pytest.fixture
def server(transactional_db: None, define: Any, process: tuple[str, int]) -> Server:
    users = get_user_model().objects
    staff, owner = users.create_superuser("boss", "b@example.com"), users.create_user("owner")
    define(Saga("bodies", [WaitFor("paid")]))
    engine.start("bodies", {}, saga_id="s-1", owner_id=owner.pk)
    found = Server(*process, tokens.issue(staff), tokens.issue(owner))
    found.post("sagas", b"", found.staff)  # what a first request loads is not counted
    return found


def filled(item: bytes, before: bytes = b"[", after: bytes = b"]") -> bytes:
    """As many of it as the limit lets through."""
    room = LIMIT - len(before) - len(after)
    return before + b",".join([item] * (room // (len(item) + 1))) + after


def names(before: bytes, after: bytes, count: int = 100_000) -> bytes:
    found = ",".join(f'"{number:05x}":1' for number in range(count)).encode()
    return (before + found)[: LIMIT - len(after) - 9].rsplit(b",", 1)[0] + after


FIRST = b'{"saga_type":"probe","sagas":['
CONTEXT = b'{"saga_type":"probe","context":{"x":['
BODIES = {
    "numbers": filled(b"1"),
    "objects": filled(b"{}"),
    "lists": filled(b"[]"),
    "floats": filled(b"0.5"),
    "texts": filled(b'"ab"'),
    "sagas of numbers": filled(b"1", FIRST, b"]}"),
    "sagas of objects": filled(b"{}", FIRST, b"]}"),
    "sagas with names": filled(b'{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1}', FIRST, b"]}"),
    "sagas with contexts": filled(b'{"context":{"a":1}}', FIRST, b"]}"),
    "sagas with tags": filled(b"1", FIRST + b'{"context":{},"tags":[', b"]}]}"),
    "most sagas": FIRST + b",".join([b'{"context":{},"%s":1}' % (b"x" * 80)] * 9_900) + b"]}",
    "a context of numbers": filled(b"1", CONTEXT, b"]}}"),
    "a context of objects": filled(b'{"a":0.5}', CONTEXT, b"]}}"),
    "a context of names": names(b'{"saga_type":"probe","context":{', b"}}"),
    "tags": filled(b"1", b'{"saga_type":"probe","context":{},"tags":[', b"]}"),
    "names": names(b"{", b"}"),
    "changes": names(b'{"reason":"x","changes":{', b"}}"),
    "a payload": filled(b"1", b'{"payload":[', b"]}"),
    "a filter": names(b'{"action":"cancel","reason":"x","filter":{', b"}}"),
    "one text": b'"' + b"x" * (LIMIT - 2) + b'"',
    "one name": b'{"' + b"x" * (LIMIT - 6) + b'":1}',
    "a long type": b'{"saga_type":"' + b"x" * (LIMIT - 40) + b'","context":{}}',
    "a long reason": b'{"reason":"' + b"x" * (LIMIT - 30) + b'"}',
    "a text of quotes": b'"' + b'\\"' * (LIMIT // 2 - 2) + b'"',
    "open strings": b'"' * LIMIT,
    "brackets": b"[" * LIMIT,
    "pairs of brackets": b"[" * (LIMIT // 2) + b"]" * (LIMIT // 2),
    "braces": b'{"a":' * (LIMIT // 5),
    "commas": b"," * LIMIT,
    "a long number": b"1" * LIMIT,
    "no text": b"\xff" * LIMIT,
    "of two bytes": filled(b"1").decode().encode("utf-16")[:LIMIT],
    "too large": b"[" + b"1" * LIMIT + b"]",
    "nothing": b"",
}


TO_ALL = ("numbers", "names", "changes", "brackets", "one text", "a long reason", "no text")
"""Bodies that are tried on every route; the others on those of a form of its own."""

OF_ITS_OWN = [route for route in ROUTES if "s-1" not in route or "signals" in route]


@pytest.mark.parametrize("name", BODIES)
def test_no_body_takes_much(server: Server, name: str) -> None:
    for route in ROUTES if name in TO_ALL else OF_ITS_OWN:
        before = server.memory("VmRSS")
        server.forget_the_most()
        answer = server.post(route, BODIES[name], server.staff)
        took = server.memory("VmHWM") - before
        assert 400 <= answer.status_code < 500, (route, answer.text[:300])
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert len(answer.content) <= MOST_ANSWERED, route
        assert len(answer.json()["fields"]) <= 20
        assert took <= MOST_MEMORY, (route, took)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Encoding": "deflate"},
        {"Content-Encoding": "gzip"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
    ],
)
def test_no_header_makes_more_of_it(server: Server, headers: dict[str, str]) -> None:
    for route in ROUTES:
        before = server.memory("VmRSS")
        server.forget_the_most()
        answer = server.post(route, BODIES["numbers"], server.staff, **headers)
        assert 400 <= answer.status_code < 500, (route, answer.text[:300])
        assert len(answer.content) <= MOST_ANSWERED
        assert server.memory("VmHWM") - before <= MOST_MEMORY, route


def test_how_many_more_fields_are_at_fault_is_told(server: Server) -> None:
    body = {"saga_type": "probe", "sagas": [1] * 1000}
    answer = server.post("sagas/bulk", json.dumps(body).encode(), server.staff).json()
    assert (len(answer["fields"]), answer["more"]) == (20, 980)
    assert list(answer["fields"])[:2] == ["sagas.0", "sagas.1"]
    assert "And 980 more." in answer["detail"]


def test_rights_are_asked_for_before_the_body(server: Server) -> None:
    for route in ROUTES[2:]:
        is_own = route.endswith(("/cancel", "/signals/paid"))
        answer = server.post(route, b"{", server.owner)
        assert answer.status_code == (400 if is_own else 403), route
        assert server.post(route, b"{", "none").status_code == 401
        if "s-1" in route:
            gone = server.post(route.replace("s-1", "s-2"), b"{", server.staff)
            assert gone.status_code == 404
