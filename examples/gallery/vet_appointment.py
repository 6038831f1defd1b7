"""An appointment with the vet.

A request is sent, and the practice answers with a date, in two days at most; the saga sleeps until
an hour before that date, and then reminds the owner. Without an answer, the request is withdrawn.

Reference: Serverless Workflow, event-based service invocation, "Examples".
"""

from datetime import datetime, timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Saga, SagaStep, Sleep, WaitFor


def request_appointment(context: Context) -> Result:
    return do("request_appointment", context)


def withdraw_request(context: Context) -> None:
    undo("withdraw_request", context)


def note_appointment(context: Context) -> Result:
    remind_at = datetime.fromisoformat(context["appointment"]["at"]) - timedelta(hours=1)
    return do("note_appointment", context, remind_at=remind_at.isoformat())


def strike_out_appointment(context: Context) -> None:
    undo("strike_out_appointment", context)


def remind_owner(context: Context) -> Result:
    return do("remind_owner", context)


vet_appointment = Saga(
    "vet_appointment",
    [
        SagaStep("request_appointment", request_appointment, withdraw_request),
        WaitFor("appointment", timeout=timedelta(days=2)),
        SagaStep("note_appointment", note_appointment, strike_out_appointment),
        Sleep("until_reminder", until="remind_at"),
        SagaStep("remind_owner", remind_owner),
    ],
)
