"""Another card, until one is accepted.

The customer is asked for a card, which is charged. A card that is declined is an answer, and the
customer is asked for another one, three times at most; after that, the goods are released. The link
that the customer gets names the round that waits for the card, because each is a saga of its own.

Reference: several products, a payment that is tried with another card, such as AWS Step Functions,
"Manage a failed payment with a wait for callback".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Rejected, Repeat, Saga, SagaStep, WaitFor


class Declined(Rejected):
    """The bank does not take this card."""


def reserve_goods(context: Context) -> Result:
    return do("reserve_goods", context)


def release_goods(context: Context) -> None:
    undo("release_goods", context)


def send_link(context: Context) -> Result:
    return do("send_link", context, link=f"/cards/{context.saga_id}")


def charge(context: Context) -> Result:
    if context["card"] == "declined":
        raise Declined("The bank declined it.")
    return do("charge", context, paid=True)


def refund(context: Context) -> None:
    undo("refund", context)


def ship(context: Context) -> Result:
    return do("ship", context)


another_card = Saga(
    "another_card",
    [
        SagaStep("reserve_goods", reserve_goods, release_goods),
        Repeat(
            "ask_for_card",
            [
                SagaStep("send_link", send_link),
                WaitFor("card", timeout=24 * 3600),
                SagaStep("charge", charge, refund, accept=(Declined,)),
            ],
            until="paid",
            most=3,
        ),
        SagaStep("ship", ship),
    ],
)
