"""An order with a saga for each of its lines.

Each line is reserved, packed and handed to a carrier by itself, two lines at a time; it is the same
saga that ships a single line elsewhere. A line that can't be shipped undoes what it did, and stands
in the order's list with its reason, while the others go on: the customer is told what is missing,
and pays for the rest. If the card is refused, all lines are undone, from within.

Reference: MassTransit, ForkJoint, "Sample-ForkJoint": an order whose lines complete or fault.
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, ForEach, Present, Saga, SagaStep


def reserve_line(context: Context) -> Result:
    return do("reserve_line", context)


def release_line(context: Context) -> None:
    undo("release_line", context)


def pack_line(context: Context) -> Result:
    sku = context["item"]["sku"]
    return do("pack_line", context, parcel=f"{sku} for {context['address']}")


def unpack_line(context: Context) -> None:
    undo("unpack_line", context)


def tell_what_is_missing(context: Context) -> Result:
    lines = zip(context["lines"], context["ship_lines"], strict=True)
    missing = [line["sku"] for line, result in lines if "failed" in result]
    return do("tell_what_is_missing", context, missing=missing)


def charge(context: Context) -> Result:
    return do("charge", context)


ship_line = Saga(
    "ship_line",
    [
        SagaStep("reserve_line", reserve_line, release_line),
        SagaStep("pack_line", pack_line, unpack_line),
    ],
)

order_lines = Saga(
    "order_lines",
    [
        ForEach(
            "ship_lines",
            over="lines",
            saga="ship_line",
            given=["address"],
            output=["parcel"],
            max_concurrency=2,
            on_failure="continue",
        ),
        Choice(
            "is_all_there",
            "ship_lines_failed",
            {Present(): SagaStep("tell_what_is_missing", tell_what_is_missing)},
        ),
        SagaStep("charge", charge),
    ],
)
