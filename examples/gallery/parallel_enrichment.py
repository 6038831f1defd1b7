"""A customer's record that is enriched from two sides at once.

The address and the telephone number are looked up side by side, by actions that are `async`: one
worker waits for many of them. What both found is stored together; if one finds nothing, the record
stays as it was.

Reference: AWS Step Functions, parallel state, "Parallel workflow state".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Parallel, Saga, SagaStep


def mark_as_busy(context: Context) -> Result:
    return do("mark_as_busy", context)


def unmark(context: Context) -> None:
    undo("unmark", context)


async def look_up_address(context: Context) -> Result:
    return do("look_up_address", context, address="1 High Street")


async def look_up_phone(context: Context) -> Result:
    return do("look_up_phone", context, phone="555-0100")


def store(context: Context) -> Result:
    return do("store", context, stored=[context["address"], context["phone"]])


parallel_enrichment = Saga(
    "parallel_enrichment",
    [
        SagaStep("mark_as_busy", mark_as_busy, unmark),
        Parallel(
            SagaStep("look_up_address", look_up_address),
            SagaStep("look_up_phone", look_up_phone),
        ),
        SagaStep("store", store),
    ],
)
