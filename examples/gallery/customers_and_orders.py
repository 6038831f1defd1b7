"""An order that reserves credit.

The order is created as pending, and the customer's credit is reserved for it. The order is then
approved; or, if the credit limit would be exceeded, rejected. The limit is checked by the
participant that keeps it: two orders that run at once can't both use the last of it.

Reference: Eventuate Tram Sagas, customers and orders,
"eventuate-tram-sagas-examples-customers-and-orders".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Pivot, Rejected, Saga, SagaStep


class CreditLimitExceeded(Rejected):
    pass


def create_order(context: Context) -> Result:
    return do("create_order", context, order="order-1")


def reject_order(context: Context) -> None:
    undo("reject_order", context)


def reserve_credit(context: Context) -> Result:
    if context["amount"] > context["credit_limit"]:
        raise CreditLimitExceeded(f"{context['amount']} is more than the customer's credit.")
    return do("reserve_credit", context)


def release_credit(context: Context) -> None:
    undo("release_credit", context)


def approve_order(context: Context) -> Result:
    return do("approve_order", context, order_state="approved")


customers_and_orders = Saga(
    "customers_and_orders",
    [
        SagaStep("create_order", create_order, reject_order),
        SagaStep("reserve_credit", reserve_credit, release_credit),
        Pivot("approve_order", approve_order),
    ],
)
