"""The readings of a room, gathered for an hour.

Sensors send temperatures and humidities, each a signal; the first of them starts the room's saga
(`engine.signal_with_start`), whichever it is. After an hour, or sixty readings of each kind, a
report is made of what came. If it can't be sent, its page is given back.

Reference: Serverless Workflow, accumulate room readings, "Examples".
"""

from datetime import timedelta
from typing import Any

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Parallel, Saga, SagaStep, WaitFor

HOURLY: dict[str, Any] = {"timeout": timedelta(hours=1), "on_timeout": "continue"}


def write_report(context: Context) -> Result:
    means = {
        kind: sum(context[kind]) / len(context[kind])
        for kind in ("temperature", "humidity")
        if context[kind]
    }
    return do("write_report", context, means=means)


def remove_report(context: Context) -> None:
    undo("remove_report", context)


def send_report(context: Context) -> Result:
    return do("send_report", context)


room_readings = Saga(
    "room_readings",
    [
        Parallel(
            WaitFor("temperature", collect=True, most=60, **HOURLY),
            WaitFor("humidity", collect=True, most=60, **HOURLY),
        ),
        SagaStep("write_report", write_report, remove_report),
        SagaStep("send_report", send_report),
    ],
)
