"""A real RabbitMQ of this run alone: the machine's own, else Debian's out of its packages.

It keeps to the loopback interface, with an `epmd` of its own (Erlang's port mapper, which would
otherwise be shared by every Erlang program of the machine, and outlive them), and to one folder.
See https://www.rabbitmq.com/docs/configure for the variables.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.debian_packages import NotToBeHad, unpacked
from sagas.devserver.child import Command
from sagas.devserver.interrupts import Interrupts
from sagas.devserver.supervisor import Supervisor, free_port

RELEASE: Final = "bookworm"
"""Debian 12, with RabbitMQ 3.10 and the Erlang 25 that it needs."""

PACKAGES: Final = (
    "rabbitmq-server",
    "erlang-base",
    *(
        f"erlang-{part}"
        for part in (
            *("asn1", "crypto", "eldap", "inets", "mnesia", "os-mon", "parsetools", "public-key"),
            *("runtime-tools", "ssl", "syntax-tools", "tools", "xmerl"),
        )
    ),
)

READY_SECONDS: Final = 60.0
"""Its start takes about three seconds on an idle core."""

INSTALLED: Final = Path("/usr/lib/rabbitmq")
ERLANG: Final = "/usr/lib/erlang"
"""Where Debian puts the two, from the root of the packages."""


class NoRabbitMQ(Exception):
    """There is no RabbitMQ on this machine, and none to be had; says why."""


@dataclass(frozen=True)
class Programs:
    """`server` is RabbitMQ's own start script; Erlang's programs are in the folder `erlang`."""

    server: Path
    erlang: Path


@dataclass(frozen=True)
class LocalRabbitMQ:
    """`url` as Kombu takes it. `supervisor` runs it as `rabbitmq`: to stop, kill or restart."""

    url: str
    supervisor: Supervisor


def programs(folder: Path) -> Programs:
    """Those of this machine, or unpacked into `folder`, now if need be. Raises `NoRabbitMQ`."""
    erl = shutil.which("erl")
    if erl and (found := _server_below(INSTALLED)):
        return Programs(found, Path(erl).resolve().parent)
    try:
        root = unpacked(folder, "rabbitmq", PACKAGES, RELEASE)
    except NotToBeHad as error:
        raise NoRabbitMQ(f"none is installed, and {error} Install rabbitmq-server.") from None
    server = _server_below(root / INSTALLED.relative_to("/"))
    if server is None:
        raise NoRabbitMQ(f"{root} has no rabbitmq-server: delete that folder, then try again.")
    erlang = root / ERLANG.lstrip("/")
    script = erlang / "bin" / "erl"
    # It names the place where Debian puts it, wherever it is called from.
    text = script.read_text()
    if f"ROOTDIR={ERLANG}\n" in text:
        script.write_text(text.replace(f"ROOTDIR={ERLANG}\n", f"ROOTDIR='{erlang}'\n"))
    return Programs(server, erlang / "bin")


def _server_below(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob("lib/rabbitmq_server-*/sbin/rabbitmq-server"))), None)


@contextmanager
def local_rabbitmq(folder: Path, interrupts: Interrupts | None = None) -> Iterator[LocalRabbitMQ]:
    """An empty RabbitMQ on a free port of the loopback interface, for as long as the block lasts.

    Its data is below `folder` until then. Raises `NoRabbitMQ`, or ProcessError with its log.
    """
    found = programs(folder)
    port, mapper = free_port(), free_port()
    data = (folder / "rabbitmq-data" / str(port)).resolve()
    data.mkdir(parents=True)
    env = _environment(found, data, port, mapper)
    epmd = [str(found.erlang / "epmd"), "-port", str(mapper), "-address", "127.0.0.1"]
    server = Command(
        name="rabbitmq",
        argv=[str(found.server)],
        env=env,
        ready=lambda logged: "Server startup complete" in logged,
        ready_within=READY_SECONDS,
    )
    try:
        with Supervisor(data, data, interrupts=interrupts or Interrupts()) as supervisor:
            supervisor.start(Command("epmd", epmd, env))
            supervisor.start(server)
            yield LocalRabbitMQ(f"amqp://guest:guest@127.0.0.1:{port}//", supervisor)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _environment(found: Programs, data: Path, port: int, mapper: int) -> Mapping[str, str]:
    places = {
        "MNESIA_BASE": data / "mnesia",
        "LOG_BASE": data,
        "SCHEMA_DIR": data / "schema",
        "GENERATED_CONFIG_DIR": data / "config",
        "CONFIG_FILE": data / "rabbitmq",
        "ADVANCED_CONFIG_FILE": data / "advanced",
        "ENABLED_PLUGINS_FILE": data / "plugins",
        "PID_FILE": data / "pid",
        "CONF_ENV_FILE": "/dev/null",
    }
    return {
        **os.environ,
        **{f"RABBITMQ_{name}": str(place) for name, place in places.items()},
        "PATH": os.pathsep.join([str(found.erlang), os.environ.get("PATH", os.defpath)]),
        "HOME": str(data),  # for Erlang's cookie
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"sagas-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_LOGS": "-",
        # The script then becomes the server, and leaves SIGTERM to it.
        "RUNNING_UNDER_SYSTEMD": "1",
    }
