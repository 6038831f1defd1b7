"""R21: the broker, the bus, the cache and the channel layer at other places than `redis://host`."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from celery import current_app
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.core.cache.backends.redis import RedisCache
from django.core.checks import CheckMessage
from kombu import Connection

from deploy.debian_packages import NotToBeHad
from sagas.broker import checks
from sagas.broker.connection import SCHEMES
from sagas.broker.urls import for_kombu, for_redis_py
from sagas.bus import Bus, Message, Publisher, Source, Subscription
from sagas.worker.queues import length_of
from tests.configured import configure
from tests.realtime import places
from tests.realtime.brokers import Broker, Listener
from tests.realtime.places import Place

MESSAGE = Message("id-1", "shop.saga.completed", b"1")


@pytest.fixture(scope="module", params=["behind_a_socket", "behind_a_sentinel", "behind_tls"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            with getattr(places, request.param)(Path(folder)) as found:
                yield found
        except NotToBeHad as error:
            if os.environ.get("CI") == "true":
                pytest.fail(f"The CI tests TLS, too: {error}")
            pytest.skip(str(error))


def spellings(url: str) -> list[str]:
    """All that mean the same."""
    found = {url, for_kombu(url), for_redis_py(url)}
    for old, new in (("rediss://", "valkeys://"), ("required", "CERT_REQUIRED")):
        found |= {each.replace(old, new) for each in found}
    return sorted(found)


def test_the_bus_takes_each_spelling(place: Place) -> None:
    for url in spellings(place.url):
        bus = Bus(url, f"test-{uuid4().hex[:8]}", place=place.options)
        listener = Listener(bus)
        with Publisher(bus) as publisher:
            publisher.publish([MESSAGE])
        assert len(listener.hear(1)) == 1, url
        listener.close()


def test_the_length_of_a_queue_is_read_there(place: Place) -> None:
    options = {**place.options, "global_keyprefix": "ours."}
    for url in map(for_kombu, spellings(place.url)):
        with Connection(url, transport_options=options) as connection:
            name = f"queue-{uuid4().hex}"
            assert length_of(name, connection) == 0
            with connection.SimpleQueue(name) as messages:
                messages.put(1)
                messages.put(2)
            assert length_of(name, connection) == 2, url


def test_the_cache_and_the_channel_layer_take_each_spelling(place: Place) -> None:
    if place.options:
        pytest.skip("what has no URL in redis-py is refused by a check")

    async def push(layer: Any) -> Any:
        channel = await layer.new_channel()
        await layer.group_add("all", channel)
        await layer.group_send("all", {"type": "moved"})
        found = await layer.receive(channel)
        await layer.flush()
        return found

    for url in map(for_redis_py, spellings(place.url)):
        cache = RedisCache(url, {})
        cache.set("a", 1)
        assert cache.get("a") == 1, url
        layer = RedisPubSubChannelLayer(hosts=[{"address": url}])
        assert async_to_sync(push)(layer) == {"type": "moved"}, url


def test_tls_is_checked_unless_it_is_said_otherwise() -> None:
    """Kombu by itself checks nothing."""
    assert for_kombu("rediss://h") == "rediss://h?ssl_cert_reqs=required"
    for none in ("CERT_NONE", "none", "None"):
        assert for_kombu(f"valkeys://h?ssl_cert_reqs={none}") == "rediss://h?ssl_cert_reqs=none"


def test_r21_a_prefix_of_the_keys_hides_no_message(valkey: Broker) -> None:
    """And what a consumer took and never acknowledged comes again."""
    options = {"global_keyprefix": "ours."}
    bus = Bus(valkey.bus.url, f"test-{uuid4().hex[:8]}", visibility=1, place=options)
    source = Source(f"{bus.exchange}.all", ["#"])
    taken: list[Any] = []
    first = Subscription(bus, [source], taken.append)
    with Publisher(bus) as publisher:
        assert publisher.reaching([MESSAGE.routing_key]) == {MESSAGE.routing_key}
        publisher.publish([MESSAGE])
    while not taken:
        first.drain(1)
    listener = Listener(bus)
    assert listener.hear(1)[0].repeated
    first.close()


def test_the_bus_is_found_as_celery_finds_its_broker(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"global_keyprefix": "ours.", "master_name": "m", "ack_emulation": False}
    monkeypatch.setitem(current_app.conf, "broker_transport_options", options)
    configure(settings, EVENTS_URL=current_app.conf.broker_url)
    found = Bus.from_settings()
    assert found is not None
    assert found.place == {"global_keyprefix": "ours.", "master_name": "m"}
    configure(settings, EVENTS_URL="redis://elsewhere")
    found = Bus.from_settings()
    assert found is not None
    assert found.place == {}


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("valkey://u:secret@h/1", "redis://…@h/1"),
        ("valkeys://h", "rediss://h?ssl_cert_reqs=required"),
        ("unix:///run/s?db=1", "redis+socket:///run/s?virtual_host=1"),
        ("redis://h?db=1", "redis://h/1"),
        ("rediss://h?ssl_cert_reqs=None", "rediss://h?ssl_cert_reqs=none"),
        ("sentinel://h:26379", "master_name"),
        ("redis://h/x", "redis://"),
        ("nonsense://h", "sentinel://"),
    ],
)
def test_an_address_that_celery_can_not_read_is_an_error(
    url: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", url)
    [found] = checks.check_broker()
    assert_says(found, "sagas.E020", hint)
    assert "secret" not in f"{found.msg} {found.hint}"


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("valkey://u:secret@h/1", "redis://…@h/1"),
        ("rediss://h?ssl_cert_reqs=CERT_NONE", "rediss://h?ssl_cert_reqs=none"),
        ("redis+socket:///run/s?virtual_host=1", "unix:///run/s?db=1"),
        ("sentinel://h:26379", "unix:///path"),
    ],
)
def test_an_address_that_redis_py_can_not_read_is_an_error(
    url: str, hint: str, settings: Any
) -> None:
    settings.CACHES = {"default": {"BACKEND": settings.CACHES["default"]["BACKEND"]}}
    assert checks.check_caches() == []
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": ["redis://h", url]}}
    [found] = checks.check_caches()
    assert_says(found, "sagas.E021", hint)
    backend = settings.CHANNEL_LAYERS["default"]["BACKEND"]
    for hosts in ([url], [{"address": url}], [("h", 6379), url]):
        settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": {"hosts": hosts}}}
        [found] = checks.check_channel_layer()
        assert_says(found, "sagas.E022", hint)


def assert_says(found: CheckMessage, id: str, hint: str) -> None:
    assert found.id == id
    assert hint in str(found.hint)
    assert "secret" not in f"{found.msg} {found.hint}"


def test_the_project_itself_passes() -> None:
    for check in (checks.check_broker, checks.check_caches, checks.check_channel_layer):
        assert check() == []


def test_what_a_hint_names_is_taken() -> None:
    """Each of them, by the bus."""
    for scheme in SCHEMES:
        assert Connection(for_kombu(f"{scheme}://h")).transport.driver_type in ("amqp", "redis")
