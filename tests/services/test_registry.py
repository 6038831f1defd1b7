"""Where services are, by a real Consul agent."""

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.local_consul import LocalConsul
from sagas.services import shared
from sagas.services.errors import NoAnswer, ServiceUnavailable
from sagas.services.registry import (
    FixedRegistry,
    HttpCheck,
    RegistryError,
    TtlCheck,
    UnknownService,
    registry_of_settings,
)
from sagas.services.registry import watch as watching
from sagas.services.registry.consul import ConsulRegistry, _instances
from sagas.services.registry.instances import Instance
from tests.configured import configure
from tests.services.conftest import Things
from tests.services.peers import Peer, http

SOON = 10.0
"""Seconds until a change is known; it takes a fraction of one, a check of Consul's one or two."""
QUICK = 0.5
"""Seconds between two looks of Consul's at a check."""


@pytest.fixture
def registry(agent: LocalConsul) -> Iterator[ConsulRegistry]:
    made = registry_of_settings()
    assert isinstance(made, ConsulRegistry)
    yield made
    made.close()


def add(registry: ConsulRegistry, name: str, peer: Peer, **options: Any) -> str:
    check = HttpCheck(f"{peer.url}/health", interval=QUICK, timeout=QUICK)
    return registry.register(name, "127.0.0.1", peer.port, check, **options)


def urls(instances: Any) -> set[str]:
    return {each.url for each in instances}


def test_a_registered_instance_is_found_once_its_check_passes(
    registry: ConsulRegistry, name: str, peer: Callable[..., Peer]
) -> None:
    service = peer()
    assert registry.instances(name) == []
    id = add(registry, name, service)
    assert registry.watch(name).until(lambda found: urls(found) == {service.url}, SOON)
    assert [each.id for each in registry.instances(name)] == [id]
    assert service.target(0) == "GET /health"


def test_one_whose_check_goes_critical_is_found_no_more(
    registry: ConsulRegistry, name: str, peer: Callable[..., Peer]
) -> None:
    service = peer()
    add(registry, name, service)
    assert registry.watch(name).until(lambda found: len(found) == 1, SOON)
    service.answer = http(500)
    assert registry.watch(name).until(lambda found: not found, SOON)
    service.answer = http(200)
    assert registry.watch(name).until(lambda found: len(found) == 1, SOON)


def test_registering_twice_is_one_instance_and_deregistering_twice_is_none(
    registry: ConsulRegistry, name: str, peer: Callable[..., Peer]
) -> None:
    service, other = peer(), peer()
    add(registry, name, service, id=f"{name}-1")
    add(registry, name, other, id=f"{name}-1")
    assert registry.watch(name).until(lambda found: urls(found) == {other.url}, SOON)
    for _ in range(2):
        registry.deregister(f"{name}-1")
    assert registry.watch(name).until(lambda found: not found, SOON)


def test_a_ttl_check_wants_to_be_told(registry: ConsulRegistry, name: str) -> None:
    id = registry.register(name, "127.0.0.1", 9, TtlCheck(ttl=1.0), deregister_after=60)
    assert registry.instances(name) == []
    registry.beat(id)
    assert registry.watch(name).until(lambda found: len(found) == 1, SOON)
    assert registry.watch(name).until(lambda found: not found, SOON)  # nobody told it again
    with pytest.raises(RegistryError):
        registry.beat(f"{name}-that-nobody-registered")


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (
            HttpCheck("http://10.0.0.5:8000/health/"),
            {"http": "http://10.0.0.5:8000/health/", "interval": "5.0s", "timeout": "2.0s"},
        ),
        (TtlCheck(), {"ttl": "15.0s"}),
    ],
)
def test_consul_is_told_to_forget_what_stays_critical(
    peer: Callable[..., Peer], check: Any, told: dict[str, str]
) -> None:
    """It does so after a minute at the least: too long to be waited for here."""
    asked = peer()
    registry = ConsulRegistry(asked.url, token="t")
    id = registry.register("shop", "10.0.0.5", 8000, check, tags=["a"], deregister_after=90)
    assert asked.target().startswith("PUT /v1/agent/service/register")
    assert asked.headers()["x-consul-token"] == "t"
    body = asked.body()
    assert (body["id"], body["name"], body["tags"]) == (id, "shop", ["a"])
    assert body["checks"] == [told | {"DeregisterCriticalServiceAfter": "90s"}]


def test_a_blocking_query_wakes_at_once(
    registry: ConsulRegistry, name: str, peer: Callable[..., Peer]
) -> None:
    """It is not the end of the wait that shows the change."""
    service = peer()
    assert registry.instances(name) == []
    watch, seen = registry.watch(name), threading.Event()

    def wait() -> None:
        if watch.until(bool, SOON):
            seen.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    add(registry, name, service)
    assert seen.wait(watching.WAIT_SECONDS / 3)
    waiter.join(SOON)


def test_only_instances_with_all_tags(
    registry: ConsulRegistry, name: str, peer: Callable[..., Peer]
) -> None:
    both, one = peer(), peer()
    add(registry, name, both, tags=["eu", "v2"])
    add(registry, name, one, tags=["eu"])
    assert registry.watch(name, ["eu"]).until(lambda found: len(found) == 2, SOON)
    assert registry.watch(name, ["eu", "v2"]).until(lambda found: urls(found) == {both.url}, SOON)


def test_another_datacenter_is_asked_for(agent: LocalConsul, name: str) -> None:
    elsewhere = ConsulRegistry(agent.address, datacenter="dc-nowhere")
    try:
        with pytest.raises(RegistryError, match="does not answer correctly"):
            elsewhere.instances(name)
    finally:
        elsewhere.close()


def test_one_watch_of_a_service_in_a_process(registry: ConsulRegistry, name: str) -> None:
    watches: set[int] = set()
    threads = [
        threading.Thread(target=lambda: watches.add(id(registry.watch(name)))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert len(watches) == 1
    assert [each.name for each in threading.enumerate()].count(f"watch-{name}") == 1


def test_a_fork_has_a_registry_of_its_own(agent: LocalConsul) -> None:
    before = shared.live()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            mine = shared.live()
            mine.registry.instances("nobody")
            names = [each.name for each in threading.enumerate()]
            os.write(writer, b"new" if mine is not before and "watch-nobody" in names else b"old")
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as end:
        assert end.read() == b"new"
    os.waitpid(pid, 0)
    assert shared.live() is before


def test_an_instance_that_dies_in_mid_flight(agent: LocalConsul, peer: Callable[..., Peer]) -> None:
    """R4: its call may have had an effect; the next, under the same key, goes to the other."""

    class Mine(Things):
        service = f"things-{uuid.uuid4().hex[:8]}"

    found = shared.live().registry
    assert isinstance(found, ConsulRegistry)
    first = peer()
    add(found, Mine.service, first)
    assert found.watch(Mine.service).until(lambda all_: len(all_) == 1, SOON)
    first.answer = lambda _: first.close()
    first.requests.clear()
    with pytest.raises(NoAnswer):
        Mine().post("/things", body={}, key="k")
    second = peer()
    add(found, Mine.service, second)
    assert found.watch(Mine.service).until(lambda all_: second.url in urls(all_), SOON)
    assert Mine().post("/things", body={}, key="k") == {}
    assert second.headers()["idempotency-key"] == "k"
    assert found.watch(Mine.service).until(lambda all_: urls(all_) == {second.url}, SOON)


def test_a_service_without_an_instance_is_later_until_one_comes_back(
    agent: LocalConsul, peer: Callable[..., Peer]
) -> None:
    class Mine(Things):
        service = f"things-{uuid.uuid4().hex[:8]}"

    with pytest.raises(ServiceUnavailable, match="none of its 0 instances"):
        Mine().get("/things")
    found = shared.live().registry
    assert isinstance(found, ConsulRegistry)
    add(found, Mine.service, peer())
    assert found.watch(Mine.service).until(bool, SOON)
    assert Mine().get("/things") == {}


@pytest.mark.parametrize("address", ["", "ftp://consul", "unix:///run/consul.sock", "host:port"])
def test_an_address_of_consul_that_is_none(address: str) -> None:
    with pytest.raises(ValueError, match="CONSUL_HTTP_ADDR"):
        ConsulRegistry(address)


def entry(address: str, port: object, node: str = "10.0.0.9", **meta: str) -> dict[str, Any]:
    service = {"ID": "i", "Address": address, "Port": port, "Meta": meta or None}
    return {"Service": service, "Node": {"Address": node}}


@pytest.mark.parametrize(
    ("found", "url"),
    [
        (entry("10.0.0.1", 80), "http://10.0.0.1:80"),
        (entry("", 80), "http://10.0.0.9:80"),
        (entry("things.internal", 80, scheme="https"), "https://things.internal:80"),
        (entry("things.internal", 80, scheme="file"), "http://things.internal:80"),
        (entry("fd00::1", 80), "http://[fd00::1]:80"),
        (entry("[fd00::1]", 80), "http://[fd00::1]:80"),
        (entry("FD00:0:0::0001", 80), "http://[fd00::1]:80"),
        (entry("::ffff:10.0.0.1", 80), "http://[::ffff:a00:1]:80"),
        (entry("", 80, node="fd00::2"), "http://[fd00::2]:80"),
        (entry("web.service.consul.", 80), "http://web.service.consul.:80"),
        (entry("my_host-1", 80), "http://my_host-1:80"),
        (entry("10.0.0.2:80", 80), None),
        (entry("10.0.0.2:", 80), None),
        (entry("[fd00::1]:80", 80), None),
        (entry("[fd00::1", 80), None),
        (entry("things:80", 80), None),
        (entry(":80", 80), None),
        (entry("fe80::1%eth0", 80), None),
        (entry("10.0.0.1/evil", 80), None),
        (entry("user@10.0.0.1", 80), None),
        (entry("a\r\nb", 80), None),
        (entry("10.0.0.1", 0), None),
        (entry("10.0.0.1", 70000), None),
    ],
)
def test_an_address_in_consul_is_not_believed_as_it_is(
    found: Any, url: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert list(_instances([found])) == ([Instance("i", url)] if url else [])
    assert ("no usable address of i" in caplog.text) is (url is None)


def test_without_consul_the_settings_say(settings: Any) -> None:
    configure(settings, SERVICE_URLS={"things": "http://a:1/, http://b:2/api", "others": ""})
    registry = registry_of_settings()
    assert isinstance(registry, FixedRegistry)
    assert urls(registry.instances("things")) == {"http://a:1", "http://b:2/api"}
    with pytest.raises(UnknownService, match="others is not known"):
        registry.instances("others")
    registry.beat(registry.register("things", "127.0.0.1", 1, TtlCheck()))
    registry.deregister("things")
