"""A picture that several dealers examine, until there are two reports.

Each dealer gets the picture's photographs, and answers when they have looked at them. As soon as
two have reported, the others are told that they need not look any more, and the restoration is
planned. If a dealer declines, the others may still do; with fewer than two left, there is no plan.

Reference: Workflow Patterns, cancelling partial join for multiple instances, "Pattern 35" (the
picture is that of "Pattern 32").
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, ForEach, Saga, SagaStep, WaitFor


def send_photographs(context: Context) -> Result:
    return do("send_photographs", context)


def call_off(context: Context) -> None:
    undo("call_off", context)


def plan_restoration(context: Context) -> Result:
    reports = [each["report"] for each in context["reports"] if each and "report" in each]
    return do("plan_restoration", context, plan=" and ".join(reports))


condition_report = Saga(
    "condition_report",
    [
        SagaStep("send_photographs", send_photographs, call_off),
        WaitFor("report", timeout=86_400),
    ],
)

condition_reports = Saga(
    "condition_reports",
    [
        ForEach("reports", over="dealers", saga="condition_report", output=["report"], enough=2),
        SagaStep("plan_restoration", plan_restoration),
    ],
)
