"""Server-sent events on a real server: the same stream as the socket's, for `curl`."""

import json
import socket
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.system.running import Running
from tests.system.streaming import SLOW, check, lengthen, metric, wait_for_a_slow_reader


def test_a_reader_of_server_sent_events_who_stands_still_is_cut(
    running: Running, waiting: str
) -> None:
    lengthen(running, waiting)
    before = metric(running, SLOW)
    host, port = running.web_url.removeprefix("http://").split(":")
    request = f"GET /api/v1/sagas/{waiting}/stream HTTP/1.1\r\nHost: {host}:{port}\r\n"
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(20)
        reader.connect((host, int(port)))
        reader.sendall(f"{request}Authorization: Bearer {running.token}\r\n\r\n".encode())
        wait_for_a_slow_reader(running, before)
        with suppress(ConnectionResetError):
            while reader.recv(1 << 16):
                pass


def read_stream(running: Running, saga_id: str, **options: Any) -> list[tuple[int, Any]]:
    """Each message of the stream with its id, 0 for none, to the end."""
    found: list[tuple[int, Any]] = []
    url = f"{running.web_url}/api/v1/sagas/{saga_id}/stream"
    headers = {**running.headers, **options.pop("headers", {})}
    with httpx.stream(
        "GET", url, headers=headers, trust_env=False, timeout=20, **options
    ) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        number = 0
        for line in answer.iter_lines():
            if line.startswith("id: "):
                number = int(line[4:])
            if line.startswith("data: "):
                message = json.loads(line[6:])
                check(message)
                found.append((number, message))
                number = 0
    return found


def test_the_stream_of_server_sent_events_is_that_of_the_socket(running: Running) -> None:
    saga_id = running.start("wide")
    found = read_stream(running, saga_id)
    events = list(running.follow(saga_id))
    assert found[0][1]["type"] == "snapshot"
    assert [message for _, message in found[1:-1]] == events
    assert [number for number, _ in found[1:-1]] == [event["seq"] for event in events]
    assert found[-1][1]["type"] == "ended"
    rest = read_stream(running, saga_id, headers={"Last-Event-ID": "3"})
    assert [number for number, _ in rest[1:-1]] == list(range(4, len(events) + 1))
    assert read_stream(running, saga_id, params={"after": "3"})[1:] == rest[1:]


def test_who_has_seen_all_is_told_not_to_come_again(running: Running) -> None:
    saga_id = running.start()
    last = running.end_of(saga_id)["last_seq"]
    headers = {**running.headers, "Last-Event-ID": str(last)}
    answer = running.request("GET", f"sagas/{saga_id}/stream", headers=headers)
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("nobody/stream", None, 404),
        ("nobody/stream", {}, 401),
        ("nobody/stream", {"Authorization": "Bearer forged"}, 401),
        ("nobody/stream?after=x", None, 422),
    ],
)
def test_who_may_not_is_told_in_the_form_of_the_api(
    running: Running, path: str, headers: Any, status: int
) -> None:
    answer = running.request("GET", f"sagas/{path}", headers=headers or running.headers)
    if headers == {}:
        answer = running.request("GET", f"sagas/{path}", headers={})
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "message", "fields"}


def test_a_session_counts_for_the_stream_but_not_from_another_site(
    running: Running, browser: httpx.Client
) -> None:
    saga_id = running.start()
    running.end_of(saga_id)
    path = f"/api/v1/sagas/{saga_id}/stream"
    assert browser.get(path).status_code == 200
    assert browser.get(path, headers={"Origin": "https://elsewhere.example"}).status_code == 401


def test_other_ways_to_connect_are_refused_by_http(running: Running) -> None:
    headers = {"Authorization": "Bearer x"}
    assert running.request("PUT", "sagas/nobody/stream", headers=headers).status_code == 403
    assert running.request("HEAD", "sagas/nobody/stream", headers=headers).status_code == 405
