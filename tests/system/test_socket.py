"""The WebSocket on a real server: every event once, in order, whatever breaks in between."""

import json
import random
from typing import Any

import httpx
import pytest
import redis
from websockets.exceptions import ConnectionClosed

from tests.system.running import Running


def read(socket: Any, count: int) -> list[dict[str, Any]]:
    """So many events; what comes between them is left out."""
    events: list[dict[str, Any]] = []
    while len(events) < count:
        message = json.loads(socket.recv(timeout=20))
        if "seq" in message:
            events.append(message)
    return events


def close_of(socket: Any) -> tuple[int, str]:
    """The code and the reason with which the server closes; no event may come before."""
    code: tuple[int, str] | None = None
    while code is None:
        try:
            assert "seq" not in json.loads(socket.recv(timeout=20))
        except ConnectionClosed as closed:
            code = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
    return code


def test_a_subscriber_sees_each_event_as_it_comes(running: Running) -> None:
    saga_id = running.start("slow", {"a": "wait", "b": "wait"})
    with running.socket(saga_id) as socket:
        seen = read(socket, 4)
        assert [event["type"] for event in seen] == [
            "saga.started",
            "step.scheduled",
            "saga.running",
            "step.claimed",
        ]
        running.open_gate(saga_id, "a")
        assert read(socket, 1)[0]["type"] == "step.succeeded"
        running.open_gate(saga_id, "b")
        read(socket, 4)
        assert close_of(socket) == (1000, "The saga has ended.")
    recorded = running.request("GET", f"sagas/{saga_id}/events").json()["events"]
    assert [event["type"] for event in seen] == [event["type"] for event in recorded[:4]]


def test_an_ended_saga_is_told_from_anywhere_and_closed(running: Running) -> None:
    saga_id = running.start()
    last = running.end_of(saga_id)["last_seq"]
    for after in (0, 3, last, last + 10):
        events = list(running.follow(saga_id, after))
        assert [event["seq"] for event in events] == list(range(after + 1, last + 1))


def cut_channel_layer(running: Running) -> None:
    with redis.Redis.from_url(running.env["REDIS_URL"]) as server:
        for client in server.client_list():
            if client["name"] == "sagas-channels":
                server.client_kill_filter(_id=client["id"])


@pytest.mark.parametrize("seed", range(5))
def test_s8_cut_at_random_with_pushes_lost_each_event_comes_once(
    running: Running, seed: int
) -> None:
    """The socket is cut after a random number of events, and so is every connection of the
    channel layer; the client resumes after the last number that it saw."""
    chance = random.Random(seed)
    saga_id = running.start("wide", {"c:1": "unreachable", "e": "reject"})
    seen: list[int] = []
    ended = False
    while not ended:
        with running.socket(saga_id, seen[-1] if seen else 0) as socket:
            for _ in range(chance.randint(1, 4)):
                try:
                    message = json.loads(socket.recv(timeout=20))
                except ConnectionClosed as closed:
                    ended = closed.rcvd is not None and closed.rcvd.code == 1000
                    break
                if "seq" in message:
                    seen.append(message["seq"])
                if chance.random() < 0.3:
                    cut_channel_layer(running)
    found = running.show(saga_id)
    assert found["status"] == "compensated"
    assert seen == list(range(1, found["last_seq"] + 1))


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("OWN", {}, 4401),
        ("OWN", {"Authorization": "Bearer forged"}, 4401),
        ("nobody", None, 4404),
        ("OTHERS", None, 4404),
    ],
)
def test_who_may_not_see_a_saga_is_told_by_a_code(
    running: Running, path: str, headers: Any, code: int
) -> None:
    saga_id = running.start()
    if path == "OTHERS":
        headers = {"Authorization": f"Bearer {running.token_for('stranger')}"}
    asked = "nobody" if path == "nobody" else saga_id
    options = {} if headers is None else {"additional_headers": headers}
    with running.socket(asked, **options) as socket:
        assert close_of(socket)[0] == code


@pytest.mark.parametrize("after", ["x", "-1", "9" * 30, "٣"])
def test_a_bad_position_is_told_by_a_code(running: Running, after: Any) -> None:
    with running.socket(running.start(), after) as socket:
        assert close_of(socket)[0] == 4400


def test_there_is_no_other_socket(running: Running) -> None:
    with running.socket("x/y") as socket:
        assert close_of(socket)[0] == 4404


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("OWN", 1000),
        ("https://elsewhere.example", 4403),
        (None, 4401),
        ("null", 4403),
        ("http://127.0.0.1:1", 4403),
    ],
)
def test_a_session_counts_only_from_a_page_of_ours(
    running: Running, browser: httpx.Client, origin: str | None, code: int
) -> None:
    saga_id = running.start()
    running.end_of(saga_id)
    headers = {"Cookie": f"sessionid={browser.cookies['sessionid']}"}
    own = running.web_url if origin == "OWN" else origin
    with running.socket(saga_id, 10_000, additional_headers=headers, origin=own) as socket:
        assert close_of(socket)[0] == code


def test_what_a_client_sends_is_ignored(running: Running) -> None:
    saga_id = running.start("slow", {"a": "wait"})
    with running.socket(saga_id) as socket:
        read(socket, 4)
        for frame in ("not json", b"\xff\x00", "x" * 100_000, '{"type": "saga.moved"}'):
            socket.send(frame)
        running.open_gate(saga_id, "a")
        assert read(socket, 1)[0]["type"] == "step.succeeded"
