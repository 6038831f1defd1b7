"""A payment from the customer's credit, and the rest from a card.

What the customer has left from earlier is taken first. Only if that does not cover the sum is the
card charged. If the card is refused, the credit is given back.

Reference: Camunda, payment process, "Get started as a Java developer using Spring".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Pivot, Saga, SagaStep


def deduct_credit(context: Context) -> Result:
    used = min(context["credit"], context["amount"])
    return do("deduct_credit", context, open_amount=context["amount"] - used)


def give_back_credit(context: Context) -> None:
    undo("give_back_credit", context)


def charge_card(context: Context) -> Result:
    return do("charge_card", context, charged=context["open_amount"])


def refund_card(context: Context) -> None:
    undo("refund_card", context)


def complete_payment(context: Context) -> Result:
    return do("complete_payment", context)


credit_card_payment = Saga(
    "credit_card_payment",
    [
        SagaStep("deduct_credit", deduct_credit, give_back_credit),
        SagaStep("charge_card", charge_card, refund_card, when="open_amount"),
        Pivot("complete_payment", complete_payment),
    ],
)
