"""A meal that is ordered, cooked and delivered.

The card is charged, and the restaurant has ten minutes to accept the order; after that, or if it
refuses, the money goes back. Once the meal is cooked there is no way back. The customer is told
when the driver has delivered it, or apologized to if that takes more than an hour.

Reference: Temporal, food delivery, "food-delivery-demo".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, Pivot, Present, Rejected, Saga, SagaStep, WaitFor


def charge(context: Context) -> Result:
    return do("charge", context, charge="charge-1")


def refund(context: Context) -> None:
    undo("refund", context)


def require_acceptance(context: Context) -> None:
    if not context["restaurant"]["accepts"]:
        raise Rejected("The restaurant does not take the order.")


def cook(context: Context) -> Result:
    return do("cook", context)


def ask_for_rating(context: Context) -> Result:
    return do("ask_for_rating", context)


def apologize(context: Context) -> Result:
    return do("apologize", context)


food_ordering = Saga(
    "food_ordering",
    [
        SagaStep("charge", charge, refund),
        WaitFor("restaurant", timeout=timedelta(minutes=10)),
        SagaStep("require_acceptance", require_acceptance),
        Pivot("cook", cook),
        WaitFor("delivered", timeout=timedelta(hours=1), on_timeout="continue"),
        Choice(
            "in_time",
            "delivered",
            {Present(): SagaStep("ask_for_rating", ask_for_rating)},
            otherwise=SagaStep("apologize", apologize),
        ),
    ],
)
