"""A loan that is decided by its score.

The applicant's credit is scored. A high score is approved at once, a low one is declined, and
whatever is between goes to a person. What was decided is sent to the applicant in any case: a loan
that is declined is a good end of this saga.

Reference: AWS Step Functions, choice state, "Choice workflow state"; Camunda, loan request.
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Between, Choice, Context, Saga, SagaStep, WaitFor


def open_application(context: Context) -> Result:
    return do("open_application", context, application="loan-1")


def close_application(context: Context) -> None:
    undo("close_application", context)


def ask_for_score(context: Context) -> Result:
    return do("ask_for_score", context, score=context["true_score"])


def approve(context: Context) -> Result:
    return do("approve", context, decision={"outcome": "approved"})


def decline(context: Context) -> Result:
    return do("decline", context, decision={"outcome": "declined"})


def send_decision(context: Context) -> Result:
    return do("send_decision", context)


loan_choice = Saga(
    "loan_choice",
    [
        SagaStep("open_application", open_application, close_application),
        SagaStep("ask_for_score", ask_for_score),
        Choice(
            "by_score",
            "score",
            {
                Between(at_least=700): SagaStep("approve", approve),
                Between(below=400): SagaStep("decline", decline),
            },
            otherwise=WaitFor("decision"),
        ),
        SagaStep("send_decision", send_decision),
    ],
)
