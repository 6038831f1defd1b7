"""The web process in a real Consul: from its start, not from its first request, to its end."""

import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from deploy.local_consul import LocalConsul
from sagas.devserver.child import Command
from sagas.devserver.supervisor import free_port
from sagas.services.lifespan import presence
from sagas.services.registry.consul import ConsulRegistry
from tests.configured import configure
from tests.system.running import Running, web

SOON = 20.0
"""Seconds: a web process starts in two, and Consul's first check may come five later."""


@pytest.fixture
def registry(shared_agent: LocalConsul) -> Iterator[ConsulRegistry]:
    made = ConsulRegistry(shared_agent.address)
    yield made
    made.close()


def under_wsgi(env: Mapping[str, str], port: int) -> Command:
    argv = [sys.executable, "-m", "tests.system.under_wsgi", str(port)]
    return Command("wsgi", argv, env, ready=lambda logged: "listens" in logged)


@pytest.mark.parametrize("serve", [web, under_wsgi])
def test_a_web_process_is_registered_while_it_runs(
    serve: Callable[[Mapping[str, str], int], Command],
    running: Running,
    shared_agent: LocalConsul,
    registry: ConsulRegistry,
) -> None:
    """The only request is Consul's own: whether it is well."""
    port, name = free_port(), f"sagas-{uuid.uuid4().hex[:8]}"
    url = f"http://127.0.0.1:{port}"
    told = {"CONSUL_HTTP_ADDR": shared_agent.address, "SERVICE_NAME": name, "SERVICE_URL": url}
    command = serve({**running.env, **told}, port)
    running.supervisor.start(Command(name, command.argv, command.env, ready=command.ready))
    watch = registry.watch(name)
    assert watch.until(lambda found: [each.url for each in found] == [url], SOON)
    running.supervisor.stop(name)
    assert watch.until(lambda found: not found, SOON)


def test_a_bad_address_is_refused_at_the_start(settings: Any) -> None:
    configure(settings, CONSUL={"HTTP_ADDR": "127.0.0.1:9"}, SERVICE_URL="here")
    with pytest.raises(ImproperlyConfigured, match="use http://host:port"):
        presence()
