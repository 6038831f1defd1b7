"""An invoice, with letters until it is paid.

Access is given at once, and the invoice is due within thirty days. While the saga waits for the
payment, a letter is sent each week, three at most; each is a saga of its own. A letter that can't
be sent, or is still being written when the money comes, holds nothing up. If nobody pays, access is
revoked; what was sent stays sent.

Reference: Camunda, timer events: non-interrupting timer boundary events, with a time cycle.
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Remind, Saga, SagaStep, WaitFor


def give_access(context: Context) -> Result:
    return do("give_access", context)


def revoke_access(context: Context) -> None:
    undo("revoke_access", context)


def send_invoice(context: Context) -> Result:
    return do("send_invoice", context)


def cancel_invoice(context: Context) -> None:
    undo("cancel_invoice", context)


def send_letter(context: Context) -> Result:
    return do(f"send_letter_{context['reminder']}", context)


def send_receipt(context: Context) -> Result:
    return do("send_receipt", context)


dunning_letter = Saga("dunning_letter", [SagaStep("send_letter", send_letter)])

dunning = Saga(
    "dunning",
    [
        SagaStep("give_access", give_access, revoke_access),
        SagaStep("send_invoice", send_invoice, cancel_invoice),
        WaitFor(
            "payment",
            timeout=timedelta(days=30),
            remind=Remind("dunning_letter", every=timedelta(days=7), most=3),
        ),
        SagaStep("send_receipt", send_receipt),
    ],
)
