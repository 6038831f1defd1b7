"""Conversations with a wait for many signals."""

from typing import Any

from sagas import WaitFor
from sagas.machine import Signal, Verdict, agrees, fold
from sagas.machine.state import Options
from sagas.testing import Conversation

UPDATES = WaitFor("update", collect=True, until={"status": "delivered"}, most=4)
MOVING: dict[str, Any] = {"status": "moving"}
DELIVERED: dict[str, Any] = {"status": "delivered", "by": "bo"}


def check(saga: Conversation) -> None:
    assert agrees(fold(saga.history), saga.state), "S8"
    read = Options.from_json(saga.state.options.to_json())
    assert read == saga.state.options


def send(saga: Conversation, payload: object, key: str = "", name: str = "update") -> Verdict:
    found = saga.tell(Signal(name, payload, "the carrier", key))
    check(saga)
    return found.verdict


def refusal(saga: Conversation, payload: object, key: str = "", name: str = "update") -> str:
    before = saga.state
    decision = saga.tell(Signal(name, payload, "the carrier", key))
    assert (decision.verdict, decision.events, saga.state) == (Verdict.REFUSED, (), before)
    return decision.reason
