"""A purchase order with a deadline.

The order is placed with the supplier, who confirms it and later says that it was shipped. All of it
has thirty days: if they pass before the goods are on their way, the saga turns back by itself, and
the order is cancelled.

Reference: Serverless Workflow, purchase order deadline, "Examples".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Pivot, Saga, SagaStep, WaitFor


def place_order(context: Context) -> Result:
    return do("place_order", context, purchase="po-1")


def cancel_order(context: Context) -> None:
    undo("cancel_order", context)


def log_confirmation(context: Context) -> Result:
    return do("log_confirmation", context)


def accept_shipment(context: Context) -> Result:
    return do("accept_shipment", context, tracking=context["shipped"]["tracking"])


purchase_order = Saga(
    "purchase_order",
    [
        SagaStep("place_order", place_order, cancel_order),
        WaitFor("confirmed"),
        SagaStep("log_confirmation", log_confirmation),
        WaitFor("shipped"),
        Pivot("accept_shipment", accept_shipment),
    ],
    deadline=timedelta(days=30),
)
