"""The first vital sign that is out of bounds.

A patient's monitor reports a high temperature, a high blood pressure or fast breathing, or that the
patient was discharged. The first of these decides who is called. The monitor is reserved for as
long as the patient is watched, and given back if the watch is called off.

Reference: Serverless Workflow, monitor patient vital signs, "Examples".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, FirstOf, Saga, SagaStep, WaitFor


def reserve_monitor(context: Context) -> Result:
    return do("reserve_monitor", context, monitor="monitor-1")


def give_back_monitor(context: Context) -> None:
    undo("give_back_monitor", context)


def order_medicine(context: Context) -> Result:
    return do("order_medicine", context)


def call_nurse(context: Context) -> Result:
    return do("call_nurse", context)


def call_pulmonologist(context: Context) -> Result:
    return do("call_pulmonologist", context)


vital_signs = Saga(
    "vital_signs",
    [
        SagaStep("reserve_monitor", reserve_monitor, give_back_monitor),
        FirstOf(
            "sign",
            WaitFor("temperature"),
            WaitFor("blood_pressure"),
            WaitFor("respiration"),
            WaitFor("discharged"),
        ),
        Choice(
            "by_sign",
            "sign",
            {
                "temperature": SagaStep("order_medicine", order_medicine),
                "blood_pressure": SagaStep("call_nurse", call_nurse),
                "respiration": SagaStep("call_pulmonologist", call_pulmonologist),
            },
        ),
    ],
)
