"""R19: what ended long ago is deleted once all of its events are on the bus."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db.models import F

from sagas import Saga, SubSaga, engine
from sagas.bus import Publisher
from sagas.bus.relay import Relay
from sagas.models import SagaExecution
from sagas.testing.workers import work_off
from tests.configured import configure
from tests.realtime.brokers import Broker
from tests.realtime.sagas_of_tests import completed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]


def relay_all(broker: Broker) -> None:
    with Publisher(broker.bus) as publisher:
        relay = Relay(lambda: publisher)
        while relay.look():
            pass


def test_r19_nothing_is_deleted_that_is_not_on_the_bus(
    valkey: Broker, settings: LazySettings
) -> None:
    for name in ("old", "older"):
        completed(name)
    relay_all(valkey)
    SagaExecution.objects.update(finished_at="2020-01-01T00:00Z")
    SagaExecution.objects.filter(saga_id="old").update(relayed_seq=F("last_seq") - 1)
    month = timedelta(days=30)
    configure(settings, EVENTS_URL="redis://anywhere")
    assert engine.prune(month, 10) == 1
    assert SagaExecution.objects.get().saga_id == "old"
    configure(settings, EVENTS_URL="")
    assert engine.prune(month, 10) == 1, "without a bus nobody waits for it"


def test_r19_a_family_waits_for_the_events_of_its_children(
    valkey: Broker, define: Any, committed: Any, settings: LazySettings
) -> None:
    define(Saga("crates", [SubSaga("shop", input=["for"])]))
    parent = engine.start("crates", {"for": "x"}, saga_id="p").execution_id
    work_off(committed)
    assert SagaExecution.objects.get(pk=parent).status == "completed"
    SagaExecution.objects.update(finished_at="2020-01-01T00:00Z", relayed_seq=F("last_seq"))
    SagaExecution.objects.filter(parent_id=parent).update(relayed_seq=0)
    configure(settings, EVENTS_URL="redis://anywhere")
    assert engine.prune(timedelta(days=30), 10) == 0
    relay_all(valkey)
    assert engine.prune(timedelta(days=30), 10) == 1
    assert not SagaExecution.objects.exists()
