"""An instance that stays in the registry, whatever happens to the registry."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.local_consul import LocalConsul
from sagas.services.registry import Presence, registry_of_settings
from sagas.services.registry import presence as staying
from sagas.services.registry.consul import ConsulRegistry
from tests.services.peers import Peer

SOON = 30.0
"""Seconds: the check that Consul makes first may come five after the registration."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: Any) -> None:
    """After a failure; between two registrations the first check has to find its time."""
    monkeypatch.setattr(staying, "SOON_SECONDS", 0.2)


@pytest.fixture
def registry(agent: LocalConsul) -> Iterator[ConsulRegistry]:
    made = registry_of_settings()
    assert isinstance(made, ConsulRegistry)
    yield made
    made.close()


def test_it_is_there_from_its_start_to_its_stop(
    registry: ConsulRegistry, name: str, peer: Callable[..., Peer]
) -> None:
    service = peer()
    presence = Presence(registry, name, service.url)
    presence.start()
    assert registry.watch(name).until(lambda found: len(found) == 1, SOON)
    assert registry.instances(name)[0].url == service.url
    assert service.target(0) == "GET /health/"
    presence.stop()
    assert registry.watch(name).until(lambda found: not found, SOON)


def test_of_two_processes_at_one_address_one_may_stop(
    registry: ConsulRegistry, name: str, peer: Callable[..., Peer]
) -> None:
    """As one worker of a web server does that others of it outlive."""
    service = peer()
    first, second = (Presence(registry, name, service.url) for _ in range(2))
    first.start()
    second.start()
    assert registry.watch(name).until(lambda found: len(found) == 1, SOON)
    first.stop()
    assert registry.watch(name).until(lambda found: len(found) == 1, SOON)
    second.stop()
    assert registry.watch(name).until(lambda found: not found, SOON)


def test_it_comes_back_to_an_agent_that_was_restarted_without_its_memory(
    registry: ConsulRegistry, agent: LocalConsul, name: str, peer: Callable[..., Peer]
) -> None:
    presence = Presence(registry, name, peer().url)
    presence.start()
    watch = registry.watch(name)
    assert watch.until(lambda found: len(found) == 1, SOON)
    agent.stop()
    assert watch.until_failing(SOON)
    agent.start()
    # By one who remembers nothing either: what it finds was registered since.
    anew = ConsulRegistry(agent.address)
    try:
        assert anew.watch(name).until(lambda found: len(found) == 1, SOON)
    finally:
        anew.close()
        presence.stop()


def test_a_registry_that_is_away_keeps_nobody_from_starting_or_stopping(
    name: str, caplog: Any
) -> None:
    nowhere = ConsulRegistry("127.0.0.1:9")
    presence = Presence(nowhere, name, "http://127.0.0.1:8000")
    presence.start()
    presence.stop()
    told = [record.message for record in caplog.records if "not registered" in record.message]
    assert len(told) <= 1
    assert "could not be deregistered" in caplog.text


@pytest.mark.parametrize("url", ["", "web:8000", "http://web", "https://web:8000", "http://:80"])
def test_an_address_has_a_host_and_a_port(registry: ConsulRegistry, url: str) -> None:
    with pytest.raises(
        ValueError, match="is not an address that others can reach: use http://host:port"
    ):
        Presence(registry, "things", url)
