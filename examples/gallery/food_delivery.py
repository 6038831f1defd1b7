"""A food order that waits for its kitchen and its driver.

The restaurant says when it can begin; the saga sleeps until then. It asks the kitchen until the
meal is ready, and a driver takes it, whose delivery is a signal. If no driver can be found, the
order at the restaurant is cancelled and the payment is returned.

Reference: Restate, food ordering, "Food ordering app with Restate".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, ask, do, undo
from sagas import Context, Pivot, Poll, Saga, SagaStep, Sleep, WaitFor


def pay(context: Context) -> Result:
    return do("pay", context, payment="payment-1")


def return_payment(context: Context) -> None:
    undo("return_payment", context)


def order_at_restaurant(context: Context) -> Result:
    return do("order_at_restaurant", context)


def cancel_at_restaurant(context: Context) -> None:
    undo("cancel_at_restaurant", context)


async def ask_kitchen(context: Context) -> Result | None:
    return None if ask(context) < context["asks"] else {}


def assign_driver(context: Context) -> Result:
    return do("assign_driver", context, driver="driver-1")


def close_order(context: Context) -> Result:
    return do("close_order", context)


food_delivery = Saga(
    "food_delivery",
    [
        SagaStep("pay", pay, return_payment),
        SagaStep("order_at_restaurant", order_at_restaurant, cancel_at_restaurant),
        Sleep("until_kitchen_begins", seconds="delay"),
        Poll("ask_kitchen", ask_kitchen, every=300, timeout=timedelta(hours=2)),
        Pivot("assign_driver", assign_driver),
        WaitFor("delivered"),
        SagaStep("close_order", close_order),
    ],
)
