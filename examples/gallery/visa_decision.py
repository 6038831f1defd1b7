"""The first of two events decides.

A visa was applied for, and either an approval or a rejection comes; whichever is first decides, and
the other one is refused from then on. If neither comes within sixty days, the applicant is told
that there is no decision.

Reference: Serverless Workflow, event based transitions, "Examples".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, FirstOf, Rejected, Saga, SagaStep, Sleep, WaitFor


def apply(context: Context) -> Result:
    return do("apply", context, application="visa-1")


def withdraw_application(context: Context) -> None:
    undo("withdraw_application", context)


def plan_journey(context: Context) -> Result:
    return do("plan_journey", context)


def reject(context: Context) -> None:
    raise Rejected("The visa was refused.")


def tell_no_decision(context: Context) -> Result:
    return do("tell_no_decision", context)


visa_decision = Saga(
    "visa_decision",
    [
        SagaStep("apply", apply, withdraw_application),
        FirstOf(
            "decision",
            WaitFor("approved"),
            WaitFor("rejected"),
            Sleep("no_decision", timedelta(days=60)),
        ),
        Choice(
            "what_follows",
            "decision",
            {
                "approved": SagaStep("plan_journey", plan_journey),
                "rejected": SagaStep("reject", reject),
            },
            otherwise=SagaStep("tell_no_decision", tell_no_decision),
        ),
    ],
)
