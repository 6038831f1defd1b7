"""What the README shows works as it is shown."""

import re
from pathlib import Path
from typing import Any

from sagas.machine import ExecutionStatus, Saga
from tests.machine.conversation import Conversation

README = Path(__file__).resolve().parent.parent / "README.md"


def test_the_saga_of_the_readme_runs_to_its_end() -> None:
    [block] = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    shipping = names["shipping"]
    assert isinstance(shipping, Saga)
    saga = Conversation(shipping, {"quantity": 2})
    while due := saga.due():
        for name, _ in sorted(due):
            saga.succeed(name)
    assert saga.state.status is ExecutionStatus.COMPLETED
    assert set(saga.statuses()) == {"reserve", "charge", "pack", "hand_over", "send_mail"}
