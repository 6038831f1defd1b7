"""An applicant, by age.

Adults are handed to another saga, which opens their account; others get a refusal by mail. What the
other saga did is undone with this one, should that turn back.

Reference: Serverless Workflow, applicant request decision, "Examples".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Between, Choice, Context, Saga, SagaStep, SubSaga


def check_identity(context: Context) -> Result:
    return do("check_identity", context)


def open_account(context: Context) -> Result:
    return do("open_account", context, account="account-1")


def close_account(context: Context) -> None:
    undo("close_account", context)


def send_rejection(context: Context) -> Result:
    return do("send_rejection", context)


def file_application(context: Context) -> Result:
    return do("file_application", context)


start_application = Saga(
    "start_application",
    [
        SagaStep("check_identity", check_identity),
        SagaStep("open_account", open_account, close_account),
    ],
)

applicant_decision = Saga(
    "applicant_decision",
    [
        Choice(
            "by_age",
            "applicant.age",
            {Between(at_least=18): SubSaga("start_application", output=["account"])},
            otherwise=SagaStep("send_rejection", send_rejection),
        ),
        SagaStep("file_application", file_application),
    ],
)
