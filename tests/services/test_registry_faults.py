"""What a registry that is away, begins anew or refuses comes to. Each Consul is of one test."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import consul
import pytest

from deploy.local_consul import LocalConsul, local_consul
from sagas.services.errors import ServiceUnavailable
from sagas.services.registry import RegistryError, TtlCheck
from sagas.services.registry import watch as watching
from sagas.services.registry.consul import ConsulRegistry
from sagas.services.registry.watch import next_index
from tests.configured import configure
from tests.servers import FOLDER
from tests.services.conftest import Things
from tests.services.peers import Peer, until_hung_up
from tests.services.test_registry import SOON, add, urls


@contextmanager
def registry_at(agent: LocalConsul, token: str = "") -> Iterator[ConsulRegistry]:
    made = ConsulRegistry(agent.address, token)
    try:
        yield made
    finally:
        made.close()


def test_consul_stopped_and_started_again(
    agent_program: None, name: str, peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = peer()
    with local_consul(FOLDER) as own, registry_at(own) as registry:
        watch = registry.watch(name)
        add(registry, name, service)
        assert watch.until(bool, SOON)
        own.stop()
        assert watch.until_failing(SOON)
        assert urls(registry.instances(name)) == {service.url}, "stale, and most likely right"
        with pytest.raises(RegistryError, match="check that it runs"):
            registry.deregister("any")
        monkeypatch.setattr(watching, "STALE_SECONDS", 0.0)
        with pytest.raises(RegistryError, match="check that it runs"):
            registry.instances(name)
        own.start()  # empty, and its index begins anew
        assert watch.until(lambda found: not found, SOON)
        add(registry, name, service)
        assert watch.until(bool, SOON)
        assert urls(registry.instances(name)) == {service.url}


def test_an_index_that_goes_back(
    agent_program: None, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a snapshot that was restored. Consul then waits for the old index in vain, and says what
    is at the end of the wait."""
    monkeypatch.setattr("sagas.services.registry.consul.WAIT_SECONDS", 1)
    with local_consul(FOLDER, keeps_data=True) as own, registry_at(own) as registry:
        host, port = own.address.split(":")
        client = consul.Consul(host, int(port))

        def put(number: int) -> None:  # by the catalog: the agent would put it back
            service = {"service": name, "id": f"{name}-{number}", "port": 9}
            assert client.catalog.register(f"node-{number}", "127.0.0.1", service=service)

        put(1)
        saved = client.snapshot.save()
        for number in range(2, 12):
            put(number)
        watch = registry.watch(name)
        assert watch.until(lambda found: len(found) == 11, SOON)
        before = int(client.health.service(name)[0])
        assert client.snapshot.restore(saved)
        assert watch.until(lambda found: len(found) == 1, SOON)
        assert int(client.health.service(name)[0]) < before
        put(2)
        assert watch.until(lambda found: len(found) == 2, SOON)


@pytest.mark.parametrize(
    ("index", "newer", "then"), [(None, 5, 5), (5, 5, 5), (5, 9, 9), (9, 5, None), (None, 0, None)]
)
def test_what_is_waited_for_next(index: int | None, newer: int, then: int | None) -> None:
    assert next_index(index, newer) == then


def test_a_token_that_consul_refuses(agent_program: None, name: str) -> None:
    master = str(uuid.uuid4())
    config = {
        "acl": {"enabled": True, "default_policy": "deny", "tokens": {"master": master,
                                                                      "agent": master}}
    }  # fmt: skip
    with local_consul(FOLDER, config=config) as own:
        with registry_at(own, str(uuid.uuid4())) as stranger:
            with pytest.raises(RegistryError, match="CONSUL_HTTP_TOKEN"):
                stranger.instances(name)
            with pytest.raises(RegistryError, match="CONSUL_HTTP_TOKEN"):
                stranger.register(name, "127.0.0.1", 9, TtlCheck())
        with registry_at(own, master) as known:
            known.beat(known.register(name, "127.0.0.1", 9, TtlCheck()))
            assert known.watch(name).until(bool, SOON)


def test_a_registry_that_is_away_is_later(settings: Any) -> None:
    configure(settings, CONSUL={"HTTP_ADDR": "127.0.0.1:1"})
    with pytest.raises(ServiceUnavailable, match="check that it runs"):
        Things().get("/things")


def test_a_registry_that_says_nothing_is_not_waited_for_long(
    settings: Any, monkeypatch: pytest.MonkeyPatch, peer: Callable[..., Peer]
) -> None:
    monkeypatch.setattr(watching, "FIRST_ANSWER_SECONDS", 0.2)
    configure(settings, CONSUL={"HTTP_ADDR": peer(until_hung_up).url})
    began = time.monotonic()
    with pytest.raises(ServiceUnavailable, match="has not answered"):
        Things().get("/things")
    assert time.monotonic() - began < watching.WAIT_SECONDS / 2
