"""The checkout of a shop.

The order is created and the widget is taken off the stock. The customer pays on another page, whose
answer is a signal; after two minutes without one the saga goes on, and finds that nothing was paid.
What was paid for is dispatched, and otherwise the stock and the order are as they were.

Reference: DBOS, widget store, "Fault-Tolerant Checkout".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Pivot, Rejected, Saga, SagaStep, WaitFor


def create_order(context: Context) -> Result:
    return do("create_order", context, order="order-1")


def cancel_order(context: Context) -> None:
    undo("cancel_order", context)


def reserve_widget(context: Context) -> Result:
    return do("reserve_widget", context)


def restock_widget(context: Context) -> None:
    undo("restock_widget", context)


def require_payment(context: Context) -> None:
    if context.get("payment") != "paid":
        raise Rejected("The order was not paid.")


def mark_as_paid(context: Context) -> Result:
    return do("mark_as_paid", context)


def dispatch(context: Context) -> Result:
    return do("dispatch", context)


widget_store = Saga(
    "widget_store",
    [
        SagaStep("create_order", create_order, cancel_order),
        SagaStep("reserve_widget", reserve_widget, restock_widget),
        WaitFor("payment", timeout=120, on_timeout="continue"),
        SagaStep("require_payment", require_payment),
        Pivot("mark_as_paid", mark_as_paid),
        SagaStep("dispatch", dispatch),
    ],
)
