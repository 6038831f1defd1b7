"""An order that is shipped by one of several carriers.

Which carrier ships it is in the order. A carrier that is not known is a mistake of the one who
ordered: such an input is refused before anything is started (`validate`).

Reference: Conductor, switch task, "Switch".
"""

from collections.abc import Mapping
from typing import Any

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, InvalidInput, Saga, SagaStep

CARRIERS = ("fedex", "ups")


def require_carrier(order: Mapping[str, Any]) -> None:
    if order.get("carrier") not in CARRIERS:
        raise InvalidInput({"carrier": f"has to be one of {', '.join(CARRIERS)}."})


def pack(context: Context) -> Result:
    return do("pack", context)


def unpack(context: Context) -> None:
    undo("unpack", context)


def ship_by_fedex(context: Context) -> Result:
    return do("ship_by_fedex", context, tracking="fedex-1")


def ship_by_ups(context: Context) -> Result:
    return do("ship_by_ups", context, tracking="ups-1")


def recall_parcel(context: Context) -> None:
    undo("recall_parcel", context)


def send_invoice(context: Context) -> Result:
    return do("send_invoice", context)


order_shipping = Saga(
    "order_shipping",
    [
        SagaStep("pack", pack, unpack),
        Choice(
            "by_carrier",
            "carrier",
            {
                "fedex": SagaStep("ship_by_fedex", ship_by_fedex, recall_parcel),
                "ups": SagaStep("ship_by_ups", ship_by_ups, recall_parcel),
            },
        ),
        SagaStep("send_invoice", send_invoice),
    ],
    validate=require_carrier,
)
