"""The processes of the demo: five services, the web, two workers, a consumer of events, Flower."""

import fcntl
import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from examples.demo.orders_file import SERVICE_OF_STEP
from sagas.devserver.child import Command
from sagas.devserver.servers import Servers, create_database, drop_database
from sagas.devserver.supervisor import Supervisor, free_port

SERVICES = tuple(SERVICE_OF_STEP.values())
WORKERS = ("worker-1", "worker-2")
# The engine's database; that of each service has the service's name after it.
DATABASE = "sagas_demo"
# Where the workers take their messages from; the project's default.
QUEUE = "sagas"
# Step calls at the same time in one worker: more than the CPUs, as they mostly wait for answers.
CONCURRENCY = 4
# The one user of the HTTP API, and the one of the admin and of Flower.
API_USER = "demo"
ADMIN_USER = "admin"
# The one customer with a login; the users service knows her.
CUSTOMER = "alice"
ADMIN_EMAIL = "admin@example.invalid"  # Django asks for one; nothing is ever sent
# As many runs keep their logs, the newest ones.
KEPT_RUNS = 10


class AlreadyRunning(Exception):
    """Another demo runs in this checkout."""


@dataclass(frozen=True)
class Stack:
    """What runs, and where: base URLs without a slash at the end, and a bearer token.

    `instances` are the processes of each service, `service_urls` the last one's. `killed` is when
    one of them was killed.
    """

    supervisor: Supervisor
    servers: Servers
    instances: Mapping[str, tuple[str, ...]]
    service_urls: Mapping[str, str]
    web_url: str
    flower_url: str
    token: str
    admin_password: str
    customer_password: str
    killed: dict[str, datetime] = field(default_factory=dict)


@contextmanager
def alone(local: Path) -> Iterator[None]:
    """Be the only demo of this checkout: two would drop each other's databases.

    Raises AlreadyRunning. The kernel ends the lock with the process, however that ends.
    """
    local.mkdir(exist_ok=True)
    with (local / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                "Another demo runs in this checkout, and the two would use the same databases: "
                "end that one first (Ctrl-C), or make a second checkout."
            ) from None
        yield


def log_folder(local: Path, run_id: str) -> Path:
    """The folder for the logs of this run; forgets those of old runs."""
    runs = local / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    for old in sorted(runs.iterdir())[: -KEPT_RUNS + 1]:
        shutil.rmtree(old, ignore_errors=True)
    return runs / run_id / "logs"


def start_stack(
    supervisor: Supervisor, servers: Servers, local: Path, consul: str | None = None
) -> Stack:
    """Start everything and wait until it is ready. Raises ProcessError or psycopg.Error.

    With `consul`, the address of an agent, there are two instances of each service, which find
    their way into the registry by themselves; otherwise one, at an address that all are told.
    """
    instances = {name: (f"{name}-1", f"{name}-2") if consul else (name,) for name in SERVICES}
    services = [name for names in instances.values() for name in names]
    ports = {name: free_port() for name in (*services, "web", "flower")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    service_urls = {name: urls[names[-1]] for name, names in instances.items()}
    password = kept_secret(local, "admin_password")
    found = {"CONSUL_HTTP_ADDR": consul} if consul else _addresses(service_urls)
    secret_key = kept_secret(local, "secret_key")
    env = environment(servers, secret_key, password) | found | {"SERVICE_URL": urls["web"]}
    # The wait is mostly for imports, so everything is started as soon as what it needs is there.
    for service, names in instances.items():
        own = {**env, "DATABASE_URL": empty_database(servers, f"{DATABASE}_{service}")}
        supervisor.spawn(*(service_command(name, service, ports[name], own) for name in names))
    supervisor.run(manage("migrate", env, "migrate", "--verbosity", "0"))
    supervisor.spawn(flower_command(ports["flower"], env), web_command(ports["web"], env))
    supervisor.spawn(*(worker_command(name, env) for name in WORKERS), consumer_command(env))
    token = supervisor.run(manage("saga-token", env, "saga", "token", API_USER, "--create")).strip()
    supervisor.run(manage("createsuperuser", env, "createsuperuser", "--noinput"))
    customers = kept_secret(local, "customer_password")
    login = {**env, "LOGIN_PASSWORD": customers}
    supervisor.run(manage("set-login", login, "set_login", CUSTOMER))
    supervisor.wait_ready(*services, "web", "flower", *WORKERS, "consumer")
    web, flower = urls["web"], urls["flower"]
    return Stack(
        supervisor, servers, instances, service_urls, web, flower, token, password, customers
    )


def _addresses(service_urls: Mapping[str, str]) -> dict[str, str]:
    return {f"{name.upper()}_URL": url for name, url in service_urls.items()}


def environment(servers: Servers, secret_key: str, password: str) -> dict[str, str]:
    """The environment of the engine's processes, on a new database."""
    return {
        **os.environ,
        "CONSUL_HTTP_ADDR": "",  # the shell's is no business of a demo
        "DATABASE_URL": empty_database(servers, DATABASE),
        "REDIS_URL": servers.redis_url,
        "CELERY_BROKER_URL": servers.broker_url,
        "SECRET_KEY": secret_key,
        "DJANGO_SETTINGS_MODULE": os.environ.get("DEMO_SETTINGS", "project.settings"),
        "DJANGO_SUPERUSER_USERNAME": ADMIN_USER,
        "DJANGO_SUPERUSER_EMAIL": ADMIN_EMAIL,
        "DJANGO_SUPERUSER_PASSWORD": password,
        # In the environment and not in the arguments, which every user of the machine can read.
        "FLOWER_BASIC_AUTH": f"{ADMIN_USER}:{password}",
        "PYTHONUNBUFFERED": "1",
    }


def empty_database(servers: Servers, name: str) -> str:
    """A new database, in the place of the one that the last run left; returns its URL.

    New, and not cleaned: then no saga of a run that was broken off goes on in this one, and the
    stock is full again.
    """
    drop_database(servers.database_url, name)
    return create_database(servers.database_url, name)


def kept_secret(local: Path, name: str) -> str:
    """A random secret of this checkout, made when it is first asked for."""
    folder = local / "secrets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    if not path.exists():
        # Whole or not there at all, also if the run is killed at this very moment.
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(32))
        draft.rename(path)
    return path.read_text()


def service_command(name: str, service: str, port: int, env: Mapping[str, str]) -> Command:
    """An instance of one of the five services; each service has a database of its own."""
    return Command(
        name=name,
        argv=[sys.executable, "-m", "examples.services", service, "--port", str(port)],
        env=env,
        ready=f"http://127.0.0.1:{port}/health",
    )


def web_command(port: int, env: Mapping[str, str]) -> Command:
    """The ASGI server."""
    # Sockets take no longer messages; uvicorn would keep 16 MB of one in memory.
    options = ["--host", "127.0.0.1", "--port", str(port), "--ws-max-size", "65536"]
    return Command(
        name="web",
        argv=[sys.executable, "-m", "uvicorn", "project.asgi:application", *options],
        env=env,
        ready=f"http://127.0.0.1:{port}/health/",
    )


def worker_command(name: str, env: Mapping[str, str]) -> Command:
    """One Celery worker: a main process and CONCURRENCY pool processes."""
    options = ["-E", "--concurrency", str(CONCURRENCY), "-n", f"{name}@%h", "--loglevel", "INFO"]
    return Command(
        name=name,
        argv=[sys.executable, "-m", "celery", "-A", "celery_app", "worker", *options],
        env=env,
        ready=lambda logged: " ready." in logged,
        kept_alive=True,
    )


def consumer_command(env: Mapping[str, str]) -> Command:
    """The handlers of other services' events: realtime/handlers.py."""
    return Command(
        name="consumer",
        argv=[sys.executable, "manage.py", "saga", "consume"],
        env=env,
        ready=lambda logged: "Listening" in logged,
        kept_alive=True,
    )


def flower_command(port: int, env: Mapping[str, str]) -> Command:
    """Flower; `/healthcheck` is open even with a password."""
    address = ["--address=127.0.0.1", f"--port={port}"]
    return Command(
        name="flower",
        argv=[sys.executable, "-m", "celery", "-A", "celery_app", "flower", *address],
        env=env,
        ready=f"http://127.0.0.1:{port}/healthcheck",
    )


def manage(name: str, env: Mapping[str, str], *arguments: str) -> Command:
    """One command of manage.py."""
    return Command(name=name, argv=[sys.executable, "manage.py", *arguments], env=env)
