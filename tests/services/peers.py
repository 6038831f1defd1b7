"""Servers on real sockets that do what a test tells them, good or bad."""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, Final

PATIENCE: Final = 5.0
"""Seconds for whatever a peer waits for. It takes milliseconds."""

Answer = Callable[[socket.socket], None]


class Peer:
    """Takes connections on loopback; each request on one is kept, and answered by `answer`.

    A connection stays open for the next request unless the answer closed it.
    """

    def __init__(self, answer: Answer | None = None, port: int = 0) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.answer = answer or http(200)
        self.asked = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def headers(self, number: int = -1) -> dict[str, str]:
        """The headers of a request, by their names in lower case."""
        head = self.requests[number].partition(b"\r\n\r\n")[0].decode("ascii")
        pairs = (line.split(": ", 1) for line in head.split("\r\n")[1:])
        return {name.lower(): value for name, value in pairs}

    def body(self, number: int = -1) -> Any:
        return json.loads(self.requests[number].partition(b"\r\n\r\n")[2])

    def target(self, number: int = -1) -> str:
        """The method and the path of a request."""
        return self.requests[number].split(b" HTTP/")[0].decode("ascii")

    def close(self) -> None:
        """Takes no more connections, and resets those that are open."""
        # The thread in `accept` would hold the port for one more connection.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            reset(connection)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        with contextlib.suppress(OSError), connection:  # the client hung up
            while request := _read(connection):
                self.requests.append(request)
                self.asked.set()
                self.answer(connection)


def _read(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def http(status: int, body: bytes = b"{}", *headers: str, kind: str = "application/json") -> Answer:
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Length: {len(body)}",
        *([f"Content-Type: {kind}"] if kind else []),
        *headers,
    ]
    return lambda peer: peer.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def reset(peer: socket.socket) -> None:
    """Closes with a RST instead of a FIN."""
    with contextlib.suppress(OSError):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()


def until_hung_up(peer: socket.socket) -> None:
    """Waits until the client gives up."""
    peer.recv(1)
    peer.close()
