"""What the README shows works as it is shown."""

from typing import Any

from sagas.machine import ExecutionStatus, Saga
from sagas.services.base import ServiceClient
from sagas.testing import Conversation
from tests.pages import ROOT, chapters


def test_the_saga_of_the_readme_runs_to_its_end() -> None:
    names: dict[str, Any] = {}
    for chapter in chapters(ROOT / "README.md"):
        for block in chapter.blocks:
            exec(block.compiled(), names)
    shipping = names["shipping"]
    assert isinstance(shipping, Saga)
    saga = Conversation(shipping, {"quantity": 2})
    while due := saga.due():
        for name, _ in sorted(due):
            saga.succeed(name)
    assert saga.state.status is ExecutionStatus.COMPLETED
    assert set(saga.statuses()) == {"reserve", "charge", "pack", "hand_over", "send_mail"}
    assert issubclass(names["Shipping"], ServiceClient)
