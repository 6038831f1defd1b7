"""What the clients' tests share: servers, a fresh state of the process, a real Consul."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from deploy.local_consul import LocalConsul
from sagas.conf import conf
from sagas.services import shared
from sagas.services.base import ServiceClient
from tests.configured import configure
from tests.services.peers import Answer, Peer


class Things(ServiceClient):
    service = "things"
    read_seconds = 0.4
    """Of a server on this machine that answers at all."""


@pytest.fixture(autouse=True)
def _as_after_a_fork(settings: Any) -> Iterator[None]:
    configure(settings, CONSUL={})
    shared.forget()
    yield
    shared.forget()


@pytest.fixture
def peer(settings: Any) -> Iterator[Callable[..., Peer]]:
    """Starts a server, and makes it an instance of `things`, and of all other services."""
    with ExitStack() as stack:
        urls: list[str] = []

        def start(answer: Answer | None = None) -> Peer:
            made = Peer(answer)
            stack.callback(made.close)
            urls.append(made.url)
            services = ("things", *conf.SERVICE_URLS)
            configure(settings, SERVICE_URLS=dict.fromkeys(services, ",".join(urls)))
            return made

        yield start


@pytest.fixture
def name() -> str:
    """A service that no other test has."""
    return f"things-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def agent(shared_agent: LocalConsul, settings: Any) -> LocalConsul:
    """A Consul that all tests share: each has services with names of its own."""
    configure(settings, CONSUL={"HTTP_ADDR": shared_agent.address})
    return shared_agent
