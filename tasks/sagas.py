"""An order across five services. Each step calls one of them, each compensation undoes its step.

A compensation names the key of the action that it undoes, and nothing that the action returned:
it also runs when the action's outcome is unknown, and then there is no payment id to name. The
clients send each call under the key of its step.
"""

from typing import Any

from clients import Inventory, Notifications, Orders, Payments, Users
from sagas import Context, Rejected, Retry, Saga, SagaStep
from tasks.order import check_order

users, inventory, payments = Users(), Inventory(), Payments()
orders, notifications = Orders(), Notifications()

Result = dict[str, Any]


def validate_user(context: Context) -> Result:
    user = users.find(context["user_id"], fresh=True)
    if not user["active"]:
        raise Rejected(f"User {user['user_id']} is not active.")
    return {"user_name": user["name"]}


def reserve_inventory(context: Context) -> Result:
    return inventory.reserve(context["items"])


def release_inventory(context: Context) -> None:
    inventory.release(undoes=context.action_key)


def process_payment(context: Context) -> Result:
    return payments.charge(
        context["user_id"],
        context["amount_cents"],
        context["currency"],
        context["card"],
    )


def refund_payment(context: Context) -> None:
    payments.refund(undoes=context.action_key)


def create_order(context: Context) -> Result:
    return orders.create(
        context["user_id"],
        context["items"],
        context["reservation_id"],
        context["payment_id"],
    )


def cancel_order(context: Context) -> None:
    orders.cancel(undoes=context.action_key)


def send_confirmation(context: Context) -> Result:
    return notifications.send(
        context["user_id"],
        "order_confirmed",
        context["order_id"],
    )


# Each call is bounded by the client (1 s to connect, 2 s to read); 4 s leave it room to say so.
TIMEOUT = 4.0
# Half a second, one, two, four, eight: a service may be away for a quarter of a minute.
RETRY = Retry(max_attempts=6, backoff=0.5, factor=2, cap=8)

order_processing = Saga(
    "order_processing",
    version=1,
    validate=check_order,
    steps=[
        SagaStep("validate_user", validate_user, retry=RETRY, timeout=TIMEOUT),
        SagaStep(
            "reserve_inventory",
            reserve_inventory,
            release_inventory,
            retry=RETRY,
            timeout=TIMEOUT,
        ),
        SagaStep(
            "process_payment",
            process_payment,
            refund_payment,
            retry=Retry(max_attempts=3, backoff=0.5),
            timeout=TIMEOUT,
        ),
        SagaStep("create_order", create_order, cancel_order, retry=RETRY, timeout=TIMEOUT),
        SagaStep("send_confirmation", send_confirmation, retry=RETRY, timeout=TIMEOUT),
    ],
)
