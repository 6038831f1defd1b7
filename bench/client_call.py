"""What a `ServiceClient` costs beside a bare `requests.Session`, for the same call to one service.

    python -m bench.client_call [pairs]

One call of each, in turns (which goes first changes each time), so that whatever else the machine
does hits both. The service runs in a process of its own and answers at once with a small JSON
object: a real one takes longer, and the difference weighs less. A session of requests looks into
the environment for proxies and passwords at each call, which a client does not; so it is compared
with one that does not either, too. Ends with 1 if a median of the ratios is above `BAR`.
"""

import json
import multiprocessing
import socket
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import django
import requests
from django.conf import settings

BAR: Final = 1.15
"""A call costs at most 15 % more."""
PAIRS: Final = 3000
WARM_UP: Final = 200
BODY: Final = {"items": [{"sku": "lamp", "quantity": 2}], "user_id": "user-1"}
ANSWER: Final = json.dumps(
    {"reservation_id": "res_0123456789abcdef", "status": "reserved"}
).encode()


def serve(listener: socket.socket) -> None:
    """Answers each request on each connection, one connection at a time in a thread."""
    import threading

    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(ANSWER)}"
    answer = head.encode() + b"\r\n\r\n" + ANSWER

    def talk(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        while part := connection.recv(65536):
            data += part
            head, found, body = data.partition(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            if found and len(body) >= int(length or 0):
                data = b""
                connection.sendall(answer)

    while True:
        threading.Thread(target=talk, args=[listener.accept()[0]], daemon=True).start()


def measure(
    bare: Callable[[], requests.Response], ours: Callable[[], Any], pairs: int
) -> tuple[float, ...]:
    """The medians of the ratios, and of both times in seconds."""
    ratios, times = [], ([], [])  # type: ignore[var-annotated]
    calls = (lambda: bare().json(), ours)
    for number in range(pairs + WARM_UP):
        order = (0, 1) if number % 2 else (1, 0)
        took = [0.0, 0.0]
        for each in order:
            began = time.perf_counter()
            calls[each]()
            took[each] = time.perf_counter() - began
        if number >= WARM_UP:
            ratios.append(took[1] / took[0])
            for kept, one in zip(times, took, strict=True):
                kept.append(one)
    return statistics.median(ratios), *map(statistics.median, times)


def configure(url: str) -> None:
    settings.configure(
        SAGAS={
            "SERVICE_URLS": {"things": url},
            "SERVICE_API_KEYS": {"things": "a-key-of-this-service"},
            "SERVICE_NETWORKS": ["127.0.0.0/8"],
        },
    )
    django.setup()


def compare(url: str, pairs: int) -> float:
    """Prints each figure; the largest ratio."""
    from sagas.services.base import ServiceClient
    from sagas.services.calling import in_step

    class Things(ServiceClient):
        service = "things"

    things, usual, session = Things(), requests.Session(), requests.Session()
    session.trust_env = False
    options: dict[str, Any] = {
        "headers": {
            "Authorization": "Bearer a-key-of-this-service",
            "Idempotency-Key": "s-1:a:action",
        },
        "timeout": (1.0, 2.0),
    }
    worst = 0.0
    for name, bare in (("ignores the environment", session), ("is as it is made", usual)):
        get = partial(bare.get, f"{url}/things/1", **options)
        post = partial(bare.post, f"{url}/things", json=BODY, **options)
        for method, theirs, ours in (
            ("GET", get, partial(things.get, "/things/{}", "1")),
            ("POST", post, partial(things.post, "/things", body=BODY)),
        ):
            with in_step("s-1:a:action", "s-1"):
                ratio, bare_time, our_time = measure(theirs, ours, pairs)
            worst = max(worst, ratio)
            print(
                f"{method:4} session that {name:23} {bare_time * 1e6:5.0f} µs   "
                f"client {our_time * 1e6:5.0f} µs   median ratio {ratio:.3f} (at most {BAR})"
            )
    return worst


def main() -> int:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    configure(url)
    server = multiprocessing.get_context("fork").Process(target=serve, args=[listener], daemon=True)
    server.start()
    try:
        return int(compare(url, pairs) > BAR)
    finally:
        server.terminate()
        server.join(5)


if __name__ == "__main__":
    sys.exit(main())
