"""A credit check that a callback answers.

The check is asked of a service that answers when it is done, by an event with the result. The
result decides whether the loan is started or declined. A check that nobody answers in a day turns
the saga back, and is called off.

Reference: Serverless Workflow, perform customer credit check, "Examples".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, Saga, SagaStep, WaitFor


def ask_for_check(context: Context) -> Result:
    return do("ask_for_check", context, check="check-1")


def call_off_check(context: Context) -> None:
    undo("call_off_check", context)


def start_loan(context: Context) -> Result:
    return do("start_loan", context)


def send_refusal(context: Context) -> Result:
    return do("send_refusal", context)


credit_check = Saga(
    "credit_check",
    [
        SagaStep("ask_for_check", ask_for_check, call_off_check),
        WaitFor("result", timeout=timedelta(days=1)),
        Choice(
            "by_result",
            "result.decision",
            {"approved": SagaStep("start_loan", start_loan)},
            otherwise=SagaStep("send_refusal", send_refusal),
        ),
    ],
)
