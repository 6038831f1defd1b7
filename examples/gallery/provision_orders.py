"""An order whose errors have ways of their own.

Provisioning may be refused because something is missing: the order's id, its item or its quantity.
Each of these is a kind of refusal that the saga accepts, and then handles in its own way. Any other
refusal turns the saga back.

Reference: Serverless Workflow, provision orders, "Examples".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, Rejected, Saga, SagaStep


class MissingOrderId(Rejected):
    pass


class MissingItem(Rejected):
    pass


class MissingQuantity(Rejected):
    pass


MISSING = {"order_id": MissingOrderId, "item": MissingItem, "quantity": MissingQuantity}


def receive(context: Context) -> Result:
    return do("receive", context)


def send_back(context: Context) -> None:
    undo("send_back", context)


def provision(context: Context) -> Result:
    for key, error in MISSING.items():
        if not context["order"].get(key):
            raise error(f"The order has no {key}.")
    return do("provision", context, provisioned=True)


def ask_for_order_id(context: Context) -> Result:
    return do("ask_for_order_id", context)


def ask_for_item(context: Context) -> Result:
    return do("ask_for_item", context)


def ask_for_quantity(context: Context) -> Result:
    return do("ask_for_quantity", context)


provision_orders = Saga(
    "provision_orders",
    [
        SagaStep("receive", receive, send_back),
        SagaStep("provision", provision, accept=tuple(MISSING.values())),
        Choice(
            "by_error",
            "provision_failed.error",
            {
                "MissingOrderId": SagaStep("ask_for_order_id", ask_for_order_id),
                "MissingItem": SagaStep("ask_for_item", ask_for_item),
                "MissingQuantity": SagaStep("ask_for_quantity", ask_for_quantity),
            },
        ),
    ],
)
