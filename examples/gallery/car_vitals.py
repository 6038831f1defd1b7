"""A car whose vitals are checked while it is driven.

Tyres, oil and battery are checked at once, every ten minutes, until the ignition is off. The checks
change nothing, so they have no way back; the connection to the car has one. A car that is driven
for a week is looked at no longer.

Reference: Serverless Workflow, Car vitals checks, "Check car vitals while the car is on".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, Parallel, Repeat, Saga, SagaStep, Sleep


def connect(context: Context) -> Result:
    return do("connect", context)


def disconnect(context: Context) -> None:
    undo("disconnect", context)


def check_tyres(context: Context) -> Result:
    return do("check_tyres", context)


def check_battery(context: Context) -> Result:
    return do("check_battery", context)


def read_ignition(context: Context) -> Result:
    is_on = context["round"] < context["stops_after"]
    return do("read_ignition", context, ignition="on" if is_on else "off")


def report(context: Context) -> Result:
    return do("report", context)


car_vitals = Saga(
    "car_vitals",
    [
        SagaStep("connect", connect, disconnect),
        Repeat(
            "drive",
            [
                Parallel(
                    SagaStep("check_tyres", check_tyres), SagaStep("check_battery", check_battery)
                ),
                SagaStep("read_ignition", read_ignition),
                Choice("pause", "ignition", {"on": Sleep("ten_minutes", timedelta(minutes=10))}),
            ],
            until={"ignition": "off"},
            most=7 * 24 * 6 - 8,
            on_most="continue",
        ),
        SagaStep("report", report),
    ],
)
