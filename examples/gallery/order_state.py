"""An order whose states are those of a state machine.

An order is submitted, accepted, paid and shipped; each of these is an event from another service.
The events of acceptance and payment may come in either order: both waits stand side by side. An
order that is cancelled before it is shipped is undone in the reverse order of its states.

Reference: MassTransit, order state machine, "Saga State Machines".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Parallel, Pivot, Saga, SagaStep, WaitFor


def submit(context: Context) -> Result:
    return do("submit", context)


def cancel_submission(context: Context) -> None:
    undo("cancel_submission", context)


def reserve_stock(context: Context) -> Result:
    return do("reserve_stock", context)


def release_stock(context: Context) -> None:
    undo("release_stock", context)


def book_payment(context: Context) -> Result:
    return do("book_payment", context)


def pay_back(context: Context) -> None:
    undo("pay_back", context)


def ship(context: Context) -> Result:
    return do("ship", context)


order_state = Saga(
    "order_state",
    [
        SagaStep("submit", submit, cancel_submission),
        Parallel(
            [WaitFor("accepted"), SagaStep("reserve_stock", reserve_stock, release_stock)],
            [
                WaitFor("paid", timeout=timedelta(days=14)),
                SagaStep("book_payment", book_payment, pay_back),
            ],
        ),
        Pivot("ship", ship),
    ],
)
