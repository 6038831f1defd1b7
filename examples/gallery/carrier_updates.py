"""A shipment that its carrier reports on until it is delivered.

Once the parcel is handed over, the carrier's webhook tells each change of its status, in any number
and sometimes twice: the event's id is the signal's key, so each counts once. The first one that
says "delivered" ends the wait. A parcel that is not there in thirty days is searched for, and the
saga turns back.

Reference: Temporal, order management, "reference-app-orders-go".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Saga, SagaStep, WaitFor


def hand_over(context: Context) -> Result:
    return do("hand_over", context, shipment="shipment-1")


def search_parcel(context: Context) -> None:
    undo("search_parcel", context)


def close_shipment(context: Context) -> Result:
    return do("close_shipment", context, stops=[each["status"] for each in context["update"]])


carrier_updates = Saga(
    "carrier_updates",
    [
        SagaStep("hand_over", hand_over, search_parcel),
        WaitFor(
            "update",
            collect=True,
            until={"status": "delivered"},
            most=100,
            timeout=timedelta(days=30),
        ),
        SagaStep("close_shipment", close_shipment),
    ],
)
