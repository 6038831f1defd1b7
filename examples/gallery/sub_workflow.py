"""An order whose payment is a saga of its own.

Payment is a part that other sagas use, too. It gets the keys that it needs, and its result comes
back under a name of this saga's own. If shipping fails, the whole part is undone, from within.

Reference: Conductor, sub workflow task, "Sub Workflow".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Saga, SagaStep, SubSaga


def authorize(context: Context) -> Result:
    return do("authorize", context)


def void_authorization(context: Context) -> None:
    undo("void_authorization", context)


def capture(context: Context) -> Result:
    return do("capture", context, receipt=f"receipt for {context['sum']}")


def refund(context: Context) -> None:
    undo("refund", context)


def take_order(context: Context) -> Result:
    return do("take_order", context)


def drop_order(context: Context) -> None:
    undo("drop_order", context)


def ship(context: Context) -> Result:
    return do("ship", context)


card_payment = Saga(
    "card_payment",
    [
        SagaStep("authorize", authorize, void_authorization),
        SagaStep("capture", capture, refund),
    ],
)

sub_workflow = Saga(
    "sub_workflow",
    [
        SagaStep("take_order", take_order, drop_order),
        SubSaga(
            "payment",
            "card_payment",
            input={"amount": "sum", "faults": "faults"},
            output={"receipt": "payment_receipt"},
        ),
        SagaStep("ship", ship),
    ],
)
