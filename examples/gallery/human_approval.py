"""A deployment that a person approves.

The person gets a mail with two links. Each of them is an HTTP request that signals the saga; the
first one counts. The deployment that was prepared is removed if it is rejected, or if nobody
follows a link for a week.

Reference: AWS Step Functions, human approval, "Deploying a workflow that waits for human approval
in Step Functions".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Context, FirstOf, Pivot, Rejected, Saga, SagaStep, Sleep, WaitFor


def prepare(context: Context) -> Result:
    return do("prepare", context, release="release-1")


def remove(context: Context) -> None:
    undo("remove", context)


def send_links(context: Context) -> Result:
    return do("send_links", context)


def require_approval(context: Context) -> None:
    if context["answer"] != "approve":
        raise Rejected(f"The deployment was not approved: {context['answer']}.")


def deploy(context: Context) -> Result:
    return do("deploy", context, deployed=context["release"])


human_approval = Saga(
    "human_approval",
    [
        SagaStep("prepare", prepare, remove),
        SagaStep("send_links", send_links),
        FirstOf(
            "answer",
            WaitFor("approve"),
            WaitFor("reject"),
            Sleep("no_answer", timedelta(weeks=1)),
        ),
        SagaStep("require_approval", require_approval),
        Pivot("deploy", deploy),
    ],
)
