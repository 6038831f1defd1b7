"""A book that is lent once it is back.

The library is asked whether the book is there. If it is on loan, the reader says within a week
whether to hold on or to let go; who holds on is asked again two weeks later. The reader's answer
goes to the round that asked. A book that nobody gets within a year is given up.

Reference: Serverless Workflow, Book lending, "Lend a book, or wait until it is returned".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, Repeat, Saga, SagaStep, Sleep, WaitFor


def request(context: Context) -> Result:
    return do("request", context)


def withdraw_request(context: Context) -> None:
    undo("withdraw_request", context)


def look_up(context: Context) -> Result:
    is_back = context["round"] > context["loans"]
    return do("look_up", context, book="available" if is_back else "on loan")


def ask_reader(context: Context) -> Result:
    return do("ask_reader", context)


def check_out(context: Context) -> Result:
    return do("check_out", context, settled="lent")


def give_back(context: Context) -> None:
    undo("give_back", context)


def let_go(context: Context) -> Result:
    return do("let_go", context, settled="let go")


book_lending = Saga(
    "book_lending",
    [
        SagaStep("request", request, withdraw_request),
        Repeat(
            "lend",
            [
                SagaStep("look_up", look_up),
                Choice(
                    "is_there",
                    "book",
                    {"available": SagaStep("check_out", check_out, give_back)},
                    otherwise=[
                        SagaStep("ask_reader", ask_reader),
                        WaitFor("answer", timeout=timedelta(weeks=1)),
                        Choice(
                            "reader",
                            "answer",
                            {"hold": Sleep("two_weeks", timedelta(weeks=2))},
                            otherwise=SagaStep("let_go", let_go),
                        ),
                    ],
                ),
            ],
            until="settled",
            most=20,
        ),
    ],
)
