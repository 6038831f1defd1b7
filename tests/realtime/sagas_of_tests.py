"""Sagas that the tests of the bus relay, and what they look like there."""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sagas import engine, queries
from sagas.machine import Saga, SagaStep
from sagas.models import SagaExecution
from tests.engine.driving import claim
from tests.realtime.brokers import Listener


def nothing(context: Any) -> None:
    """What these steps do."""


SHOP = Saga("shop", [SagaStep("a", nothing), SagaStep("b", nothing)])


def start(saga_id: str) -> int:
    return engine.start("shop", {"for": saga_id}, saga_id=saga_id).execution_id


def advance(execution_id: int, step: str) -> None:
    """One step of it, as a worker would."""
    work = claim(execution_id, step)
    assert work is not None
    engine.succeed(work, work.run())


def completed(saga_id: str) -> int:
    """A saga from its start to its end."""
    execution_id = start(saga_id)
    for step in ("a", "b"):
        advance(execution_id, step)
    return execution_id


def written(saga_id: str) -> int:
    """How many events it has."""
    return SagaExecution.objects.get(saga_id=saga_id).last_seq


def waiting() -> int:
    """How many events are not marked as relayed."""
    return queries.relay_lag().events


def first_copies(listener: Listener) -> dict[str, list[int]]:
    """saga_id → the numbers of its events in the order of their first copies."""
    found: dict[str, list[int]] = defaultdict(list)
    for delivery in listener.heard:
        body = json.loads(delivery.body)
        if body["seq"] not in found[body["saga_id"]]:
            found[body["saga_id"]].append(body["seq"])
    return found


def check_all(listener: Listener, saga_ids: Iterable[str]) -> None:
    """Nothing is missing, and each saga's first copies are in its order."""
    found = first_copies(listener)
    for saga_id in saga_ids:
        assert found[saga_id] == list(range(1, written(saga_id) + 1)), saga_id
