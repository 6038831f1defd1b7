"""What a call comes to, over real sockets: a failure says whether anything can have been done."""

import pickle
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from sagas.machine import FailureKind
from sagas.machine.failures import classify
from sagas.services import shared
from sagas.services.answers import ANSWER_LIMIT
from sagas.services.errors import (
    NoAnswer,
    ServiceError,
    ServiceRejected,
    ServiceUnavailable,
    ServiceUnreachable,
)
from tests.configured import configure
from tests.services.conftest import Things
from tests.services.peers import Peer, http, reset, until_hung_up

KINDS = {
    ServiceRejected: FailureKind.REJECTED,
    ServiceUnreachable: FailureKind.UNREACHABLE,
    ServiceUnavailable: FailureKind.LATER,
    NoAnswer: FailureKind.UNKNOWN,
}
REFUSALS = [400, 401, 402, 403, 404, 405, 406, 407, *range(409, 425), 426, 428, 431, 451, 499]


def slow_headers(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 X\r\nContent-")
    until_hung_up(peer)


def slow_body(peer: socket.socket) -> None:
    """A byte now and then: no wait for a single one is too long."""
    peer.sendall(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n")
    hung_up = threading.Event()
    while not hung_up.wait(Things.read_seconds / 4):
        peer.sendall(b" ")


def chunked(*chunks: bytes) -> Callable[[socket.socket], None]:
    def answer(peer: socket.socket) -> None:
        peer.sendall(
            b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for chunk in chunks:
            peer.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        peer.close()

    return answer


def truncated(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{}")
    peer.close()


def hang_up(peer: socket.socket) -> None:
    peer.close()


def fail_of(call: Callable[[], Any]) -> ServiceError:
    with pytest.raises(ServiceError) as raised:
        call()
    return raised.value


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        *((http(status, b'{"error": "declined"}'), ServiceRejected) for status in REFUSALS),
        *((http(status), NoAnswer) for status in (408, 425, 429)),
        *((http(status), NoAnswer) for status in (500, 501, 502, 503, 504, 507, 508, 511, 599)),
        *(
            (http(status, b"", "Location: /other"), NoAnswer)
            for status in (301, 302, 303, 307, 308)
        ),
        (http(200, b"not json"), NoAnswer),
        (http(200, b"[1]"), NoAnswer),
        (http(200, b"[" * 100_000), NoAnswer),
        (http(200, b'{"a": "\xff\xfe"}'), NoAnswer),
        (http(200, kind="text/html"), NoAnswer),
        (http(200, kind=""), NoAnswer),
        (http(200, b"\x1f\x8b\x08", "Content-Encoding: gzip"), NoAnswer),
        (reset, NoAnswer),
        (hang_up, NoAnswer),
        (until_hung_up, NoAnswer),
        (slow_headers, NoAnswer),
        (slow_body, NoAnswer),
        (truncated, NoAnswer),
        (chunked(b'{"a":'), NoAnswer),
        (lambda peer: peer.sendall(b"SSH-2.0-x\r\n"), NoAnswer),
    ],
)
def test_what_an_answer_says_of_the_effect(
    peer: Callable[..., Peer], answer: Any, kind: type[ServiceError]
) -> None:
    service = peer(answer)
    began = time.monotonic()
    error = fail_of(lambda: Things().post("/things", body={"a": 1}, key="s-1:make:action"))
    assert time.monotonic() - began < 20, "no wait is without a limit"
    assert type(error) is kind, error
    assert classify(error) is KINDS[kind]
    assert len(service.requests) == 1, "nothing that may have been done is sent again in the call"
    assert service.headers()["idempotency-key"] == "s-1:make:action"
    assert (error.service, error.method, error.path) == ("things", "POST", "/things")
    assert error.request_id == service.headers()["x-request-id"]
    if kind is ServiceRejected:
        assert error.body == '{"error": "declined"}'
        assert f"refused ({error.status})" in str(error)


def test_an_answer_of_a_hundred_megabytes_is_not_read(peer: Callable[..., Peer]) -> None:
    sent = 0
    refused = threading.Event()

    def flood(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n")
        try:
            for _ in range(100):
                connection.sendall(b"x" * 1024 * 1024)
                sent += 1
        except OSError:
            refused.set()
            raise

    peer(flood)
    error = fail_of(lambda: Things().get("/things"))
    assert type(error) is NoAnswer
    assert str(ANSWER_LIMIT) in str(error)
    assert refused.wait(5), "the client hung up"
    assert sent < 20  # megabytes that the kernel's buffers took


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://no-such-host.invalid",
        f"http://{'a' * 64}.invalid",
        "nonsense",
        "ftp://127.0.0.1",
        "http://127.0.0.1:99999",
        "",
    ],
)
def test_what_reached_nobody_had_no_effect(settings: Any, url: str) -> None:
    configure(settings, SERVICE_URLS={"things": url})
    error = fail_of(lambda: Things().post("/things", body={}, key="k"))
    assert type(error) is ServiceUnreachable, error
    assert classify(error) is FailureKind.UNREACHABLE


def test_a_connection_that_was_reset_between_two_calls_is_made_anew(
    peer: Callable[..., Peer],
) -> None:
    """Reset before any byte of the second request was sent."""
    was_reset = threading.Event()

    def answer_and_reset(connection: socket.socket) -> None:
        http(200)(connection)
        reset(connection)
        was_reset.set()

    service = peer(answer_and_reset)
    for _ in range(3):
        assert Things().post("/things", body={}, key="k") == {}
        assert was_reset.wait(5)
        was_reset.clear()
    assert service.connections == 3


def test_a_kept_connection_is_used_again(peer: Callable[..., Peer]) -> None:
    service = peer()
    for _ in range(5):
        Things().get("/things")
    assert service.connections == 1


def test_each_thread_has_its_own(peer: Callable[..., Peer]) -> None:
    service = peer()
    threads = [threading.Thread(target=Things().get, args=["/things"]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert service.connections == 3


def test_another_instance_is_asked_if_nothing_was_sent_to_the_first(
    peer: Callable[..., Peer],
) -> None:
    gone, here = peer(), peer()
    gone.close()
    for _ in range(20):
        assert Things().post("/things", body={}, key="k") == {}
    assert len(here.requests) == 20
    assert {here.headers(number)["idempotency-key"] for number in range(20)} == {"k"}


def test_all_instances_get_their_part(peer: Callable[..., Peer]) -> None:
    services = [peer() for _ in range(3)]
    for _ in range(90):
        Things().get("/things")
    assert min(len(service.requests) for service in services) > 10


def test_one_that_refused_a_connection_is_left_alone_for_a_while(
    peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("sagas.services.balance.time.monotonic", lambda: now)
    service = peer()
    service.close()
    assert type(fail_of(lambda: Things().get("/things"))) is ServiceUnreachable
    back = Peer(port=service.port)
    try:
        error = fail_of(lambda: Things().get("/things"))
        assert type(error) is ServiceUnavailable
        assert not back.requests
        now += 2.5
        assert Things().get("/things") == {}
    finally:
        back.close()


def test_a_call_in_flight_makes_the_other_instance_the_better_one(
    peer: Callable[..., Peer],
) -> None:
    slow, quick = peer(until_hung_up), peer()
    here = shared.live()
    instances = here.registry.instances("things")
    [busy] = [each for each in instances if each.url == slow.url]
    with here.balancer.carrying(busy):
        chosen = {here.balancer.choose(instances, ()) for _ in range(50)}
    assert {each.url for each in chosen if each} == {quick.url}


@pytest.mark.parametrize(
    ("kind", "body", "expect", "value"),
    [
        ("application/json", b'{"a": 1}', dict, {"a": 1}),
        ("application/json; charset=utf-8", b"[1]", list, [1]),
        ("application/problem+json", b"7", object, 7),
        ("text/plain; charset=utf-8", "grüß".encode(), str, "grüß"),
        ("", b"", dict, None),
        ("", b"", str, ""),
    ],
)
def test_a_good_answer(
    peer: Callable[..., Peer], kind: str, body: bytes, expect: type, value: object
) -> None:
    peer(http(200, body, kind=kind))
    assert Things().get("/things", expect=expect) == value


def test_an_answer_in_pieces(peer: Callable[..., Peer]) -> None:
    peer(chunked(b'{"a":', b" 1}", b""))
    assert Things().get("/things") == {"a": 1}


def test_an_error_survives_the_way_out_of_a_process() -> None:
    error = NoAnswer("things", "POST", "/things", "answered 500", 500, "r-1", "sorry")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), vars(again)) == (str(error), vars(error))
    assert str(error) == "things: POST /things: answered 500: sorry (request r-1)"
