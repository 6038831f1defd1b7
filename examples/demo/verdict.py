"""What is wrong with how an order ended: seen by the WebSocket, the API and the ledgers."""

from collections.abc import Iterable, Mapping
from typing import Any

from examples.demo.ledgers import Entry, check_saga
from examples.demo.orders_file import SampleOrder
from examples.demo.progress import Progress


def judge(
    order: SampleOrder,
    progress: Progress,
    saga: Mapping[str, Any] | None,
    entries: Iterable[Entry],
) -> list[str]:
    """One sentence for each thing that is wrong; empty if the order came out as its sample says.

    `progress` is what the WebSocket told, `saga` the answer of `GET /api/v1/sagas/{saga_id}`,
    None without any, `entries` the ledger entries of this saga alone.
    """
    if saga is None:
        return ["its saga was not started in time"]
    problems = []
    status = saga["status"]
    if progress.status != status:
        problems.append(f"the WebSocket told of {progress.status}, the API says {status}")
    if status != order.expect:
        problems.append(f"it is {status}, expected {order.expect}{reasons(saga)}")
    if status in ("completed", "compensated"):
        problems += check_saga(order, status, entries)
    return problems


def reasons(saga: Mapping[str, Any]) -> str:
    """The last error of each step that has one, as an appendix to a sentence."""
    failed = [step for step in saga["steps"] if step["error"]]
    return "".join(
        f"; {step['name']}: {step['error']['message'] or step['error']['error']}" for step in failed
    )
