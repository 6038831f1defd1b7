"""A subscription that is charged for each month until it ends.

After a trial, each round charges for a month and waits for its end, or for the customer to cancel,
who ends it there. A card that is declined is no reason to pay back the months before: it ends the
subscription, too. A person who cancels the saga itself pays back all months.

Reference: Temporal, Subscription, "Subscription workflow: a trial and billing periods".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import (
    Choice,
    Context,
    FirstOf,
    Present,
    Rejected,
    Repeat,
    Saga,
    SagaStep,
    Sleep,
    WaitFor,
)


class Declined(Rejected):
    """The bank does not pay."""


def welcome(context: Context) -> Result:
    return do("welcome", context)


def revoke_access(context: Context) -> None:
    undo("revoke_access", context)


def charge(context: Context) -> Result:
    if context["round"] > context.get("pays", 1000):
        raise Declined("The account is empty.")
    return do("charge", context)


def refund(context: Context) -> None:
    undo("refund", context)


def suspend(context: Context) -> Result:
    return do("suspend", context, ended="unpaid")


def close(context: Context) -> Result:
    return do("close", context, ended="cancelled")


def say_goodbye(context: Context) -> Result:
    return do("say_goodbye", context)


subscription = Saga(
    "subscription",
    [
        SagaStep("welcome", welcome, revoke_access),
        Sleep("trial", timedelta(days=14)),
        Repeat(
            "months",
            [
                SagaStep("charge", charge, refund, accept=(Declined,)),
                Choice(
                    "is_paid",
                    "charge_failed",
                    {Present(): SagaStep("suspend", suspend)},
                    otherwise=[
                        FirstOf("end", WaitFor("cancel"), Sleep("month", timedelta(days=30))),
                        Choice("renewal", "end", {"cancel": SagaStep("close", close)}),
                    ],
                ),
            ],
            until="ended",
            most=120,
            on_most="continue",
        ),
        SagaStep("say_goodbye", say_goodbye),
    ],
)
