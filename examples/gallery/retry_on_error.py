"""A task that is tried again, and caught.

A service that is away is called again, at growing intervals, three times in all. A refusal is not
repeated: it is caught, and another way is taken. Any other failure that lasts turns the saga back.

Reference: AWS Step Functions, retry and catch, "Handling errors in Step Functions workflows".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, Present, Rejected, Retry, Saga, SagaStep


class NoStock(Rejected):
    pass


def open_case(context: Context) -> Result:
    return do("open_case", context, case="case-1")


def close_case(context: Context) -> None:
    undo("close_case", context)


def call_service(context: Context) -> Result:
    return do("call_service", context, refusal=NoStock)


def undo_call(context: Context) -> None:
    undo("undo_call", context)


def fall_back(context: Context) -> Result:
    return do("fall_back", context, because=context["call_service_failed"]["error"])


retry_on_error = Saga(
    "retry_on_error",
    [
        SagaStep("open_case", open_case, close_case),
        SagaStep(
            "call_service",
            call_service,
            undo_call,
            retry=Retry(max_attempts=3, backoff=1, factor=2),
            accept=(NoStock,),
        ),
        Choice("caught", "call_service_failed", {Present(): SagaStep("fall_back", fall_back)}),
    ],
)
