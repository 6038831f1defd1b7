"""What a call comes to, over real sockets: a failure says whether anything can have been done."""

import contextlib
import pickle
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clients import base
from clients.base import ServiceClient, segment
from clients.errors import NoAnswer, NotSent, Refused, ServiceError
from sagas.machine import FailureKind
from tasks.steps import failure_kind


class Things(ServiceClient):
    service = "things"


class Peer:
    """A server that takes one connection, reads a request, and says what it is told to."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self.request = b""
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(5)
            while b"\r\n\r\n" not in self.request:
                self.request += connection.recv(65536)
            with contextlib.suppress(OSError):  # the client hung up, as it should on a flood
                self._answer(connection)

    def close(self) -> None:
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def call(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Calls a service that answers in the given way; the answer, or the error."""
    monkeypatch.setattr(base, "READ_TIMEOUT", 0.3)
    peers: list[Peer] = []

    def run(answer: Callable[[socket.socket], None]) -> Any:
        peers.append(Peer(answer))
        settings.SERVICE_URLS = {"things": peers[-1].url}
        try:
            return Things().post("/things", {"a": 1}, key="s-1:make:action")
        except ServiceError as error:
            return error

    run.peers = peers  # type: ignore[attr-defined]  # for the test that looks at the request
    yield run
    for peer in peers:
        peer.close()


def http(status: int, body: bytes = b"{}", *headers: str) -> Callable[[socket.socket], None]:
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "Connection: close"]
    return lambda peer: peer.sendall("\r\n".join([*head, "", ""]).encode() + body)


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def say_nothing(peer: socket.socket) -> None:
    peer.recv(1)


def truncate(peer: socket.socket) -> None:
    peer.sendall(b'HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{"a"')


def flood(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 X\r\n\r\n")
    for _ in range(100):
        peer.sendall(b"x" * 65536)


def test_an_answer_is_a_json_object(call: Any) -> None:
    assert call(http(201, b'{"thing": 7}')) == {"thing": 7}
    request = call.peers[0].request.decode()
    assert "Idempotency-Key: s-1:make:action" in request
    assert request.startswith("POST /things HTTP/1.1")


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 410, 422, 451])
def test_a_refusal_had_no_effect(call: Any, status: int) -> None:
    error = call(http(status, b'{"error": "declined"}'))
    assert type(error) is Refused
    assert error.status == status
    assert "declined" in str(error)
    assert failure_kind(error) is FailureKind.REJECTED


@pytest.mark.parametrize(
    "answer",
    [
        *(http(status) for status in (408, 425, 429, 500, 502, 503, 504)),
        http(302, b"", "Location: /elsewhere"),
        http(200, b"not json"),
        http(200, b"[1]"),
        http(200, b"\xff\xfe"),
        reset,
        say_nothing,
        truncate,
        flood,
        lambda peer: peer.sendall(b"SSH-2.0-x\r\n"),
        lambda peer: None,
    ],
)
def test_whatever_else_may_have_had_an_effect(call: Any, answer: Any) -> None:
    error = call(answer)
    assert type(error) is NoAnswer, error
    assert failure_kind(error) is FailureKind.UNKNOWN


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "http://no-such-host.invalid", "http://[::1]:1", "", "nonsense"],
)
def test_what_reached_nobody_had_no_effect(settings: Any, url: str) -> None:
    settings.SERVICE_URLS = {"things": url}
    with pytest.raises(NotSent) as error:
        Things().get("/things")
    assert failure_kind(error.value) is FailureKind.UNREACHABLE


def test_nothing_of_the_environment_leads_elsewhere(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert call(http(200)) == {}


def test_an_error_survives_the_way_out_of_a_process() -> None:
    error = NoAnswer("things", "POST", "/things", "answered 500", 500, "sorry")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.status) == (str(error), 500)


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_segment_cannot_name_another_path(value: str) -> None:
    with pytest.raises(ValueError, match="another one"):
        segment(value)
    assert segment("a/../b?c") == "a%2F..%2Fb%3Fc"
