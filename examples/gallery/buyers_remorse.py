"""Twenty seconds in which a buyer may think again.

An order that was placed waits for twenty seconds. If the buyer cancels it by then, it is undone and
nothing was billed. Otherwise it is billed, which nothing undoes.

Reference: NServiceBus, buyer's remorse, "NServiceBus sagas: Timeouts".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, FirstOf, Pivot, Rejected, Saga, SagaStep, Sleep, WaitFor


def place_order(context: Context) -> Result:
    return do("place_order", context, order="order-1")


def drop_order(context: Context) -> None:
    undo("drop_order", context)


def require_no_remorse(context: Context) -> None:
    if context["remorse"] == "cancelled":
        raise Rejected("The buyer has cancelled the order.")


def bill(context: Context) -> Result:
    return do("bill", context)


buyers_remorse = Saga(
    "buyers_remorse",
    [
        SagaStep("place_order", place_order, drop_order),
        FirstOf("remorse", WaitFor("cancelled"), Sleep("no_remorse", 20)),
        SagaStep("require_no_remorse", require_no_remorse),
        Pivot("bill", bill),
    ],
)
