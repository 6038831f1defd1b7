"""A real Consul agent of one run alone, on free ports of the loopback interface."""

import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.consul_binary import consul_binary
from sagas.devserver.child import Command
from sagas.devserver.interrupts import Interrupts
from sagas.devserver.supervisor import Supervisor

# Seconds until a new agent has elected itself and answers; it takes one or two.
READY_SECONDS = 30.0
NAME = "consul"


@dataclass(frozen=True)
class LocalConsul:
    """`address` is `host:port` of its HTTP API; its process is `supervisor`'s, called `NAME`."""

    address: str
    supervisor: Supervisor

    def stop(self) -> None:
        """Ends the agent; `start` brings an empty one back to the same address."""
        self.supervisor.stop(NAME)

    def start(self) -> None:
        self.supervisor.restart(NAME)


@contextmanager
def local_consul(
    folder: Path,
    interrupts: Interrupts | None = None,
    config: Mapping[str, Any] | None = None,
    keeps_data: bool = False,
    https_port: int = -1,
) -> Iterator[LocalConsul]:
    """An agent that is ready: a leader of itself, with no service but its own.

    Its log is in `folder`; it keeps nothing else, unless it `keeps_data` (then it can be asked for
    snapshots, which a development agent can't make). `config` is added to its configuration; with
    `https_port` it speaks TLS there, if that says how.
    Raises NoConsul if there is no such program, ProcessError if it does not start.
    """
    program = consul_binary(folder)
    ports = _free_ports(4)
    data = (folder / f"consul-{ports[0]}").resolve()
    data.mkdir(parents=True)
    path = data / "config.json"
    path.write_text(json.dumps({**_config(ports, https_port), **(config or {})}))
    command = Command(
        name=NAME,
        argv=[str(program), *_arguments(path, keeps_data)],
        env=os.environ,
        # What it says of itself right after; before that it refuses to answer.
        ready=lambda log: "Synced node info" in log,
        ready_within=READY_SECONDS,
    )
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        supervisor = stack.enter_context(
            Supervisor(data, data, say=lambda _: None, interrupts=interrupts or Interrupts())
        )
        supervisor.start(command)
        yield LocalConsul(f"127.0.0.1:{ports[0]}", supervisor)


def _config(ports: Sequence[int], https_port: int) -> dict[str, Any]:
    names = ("http", "server", "serf_lan", "serf_wan")
    return {
        "ports": dict(zip(names, ports, strict=True))
        | {"dns": -1, "grpc": -1, "https": https_port},
        "node_name": f"local-{ports[0]}",
        "bind_addr": "127.0.0.1",
        "client_addr": "127.0.0.1",
        "disable_host_node_id": True,
        # The shortest timeouts of an election: there is nobody to lose one to.
        "performance": {"raft_multiplier": 1},
    }


def _arguments(config: Path, keeps_data: bool) -> list[str]:
    mode = ["-server", "-bootstrap-expect=1", f"-data-dir={config.parent}"]
    return ["agent", f"-config-file={config}", *(mode if keeps_data else ["-dev"])]


def _free_ports(count: int) -> list[int]:
    """Ports that differ from one another: all are held until the last is found."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
