"""An expense that somebody has to approve.

Small amounts need no approval. Others go to the manager, who fills in a form; its fields are the
signal's payload, and what does not fit its schema is refused. It is a task of the manager's, due
within a day. If there is no answer within three days, any director may give one, and without it in
a week the expense is withdrawn. Nobody approves what they spent.

Reference: Temporal, expense, "Expense"; Camunda, escalations, "Escalation events".
"""

from datetime import timedelta
from typing import Final

from examples.gallery.ledger import Result, do, undo
from sagas import Between, Choice, Context, Pivot, Present, Rejected, Saga, SagaStep, WaitFor


def register(context: Context) -> Result:
    return do("register", context, expense="expense-1", superior="bo")


def withdraw(context: Context) -> None:
    undo("withdraw", context)


def ask_director(context: Context) -> Result:
    return do("ask_director", context)


def take_managers_answer(context: Context) -> Result:
    return {"outcome": context["manager"]["outcome"]}


def take_directors_answer(context: Context) -> Result:
    return {"outcome": context["director"]["outcome"]}


def check(context: Context) -> None:
    if context.get("outcome", "approved") != "approved":
        raise Rejected("The expense was not approved.")


def pay(context: Context) -> Result:
    return do("pay", context, paid=context["amount"])


ANSWER: Final = {
    "type": "object",
    "properties": {
        "outcome": {"enum": ["approved", "denied"]},
        "note": {"type": "string", "maxLength": 500},
    },
    "required": ["outcome"],
    "additionalProperties": False,
}

expense_approval = Saga(
    "expense_approval",
    [
        SagaStep("register", register, withdraw),
        Choice(
            "by_amount",
            "amount",
            {
                Between(at_least=100): [
                    WaitFor(
                        "manager",
                        form=ANSWER,
                        assignee="superior",
                        four_eyes=True,
                        due=timedelta(days=1),
                        timeout=timedelta(days=3),
                        on_timeout="continue",
                    ),
                    Choice(
                        "answered",
                        "manager",
                        {Present(): SagaStep("take_managers_answer", take_managers_answer)},
                        otherwise=[
                            SagaStep("ask_director", ask_director),
                            WaitFor(
                                "director",
                                form=ANSWER,
                                permission="expenses.approve_any",
                                four_eyes=True,
                                timeout=timedelta(weeks=1),
                            ),
                            SagaStep("take_directors_answer", take_directors_answer),
                        ],
                    ),
                ]
            },
        ),
        SagaStep("check", check),
        Pivot("pay", pay),
    ],
)
