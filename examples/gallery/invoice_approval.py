"""An invoice, approved by whom its amount says.

A table of amounts says who approves: nobody below 250, a team leader below 1,000, and the head of
accounting above. One that is approved is paid and archived. One that is not goes to a review with
its supplier, who may clear it; otherwise it is sent back.

Reference: Camunda, invoice, "Invoice example" (Camunda 7).
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Between, Choice, Context, Pivot, Rejected, Saga, SagaStep, WaitFor


def record_invoice(context: Context) -> Result:
    return do("record_invoice", context, invoice="invoice-1")


def send_back(context: Context) -> None:
    undo("send_back", context)


def approve_by_rule(context: Context) -> Result:
    return {"approved": True}


def take_leaders_answer(context: Context) -> Result:
    return {"approved": context["leader"]["approves"]}


def take_heads_answer(context: Context) -> Result:
    return {"approved": context["head"]["approves"]}


def ask_supplier(context: Context) -> Result:
    return do("ask_supplier", context)


def require_clearing(context: Context) -> None:
    if not context["supplier"]["clears"]:
        raise Rejected("The invoice is wrong.")


def pay_invoice(context: Context) -> Result:
    return do("pay_invoice", context)


def archive_invoice(context: Context) -> Result:
    return do("archive_invoice", context)


invoice_approval = Saga(
    "invoice_approval",
    [
        SagaStep("record_invoice", record_invoice, send_back),
        Choice(
            "by_amount",
            "amount",
            {
                Between(below=250): SagaStep("approve_by_rule", approve_by_rule),
                Between(250, 1000): [
                    WaitFor("leader"),
                    SagaStep("take_leaders_answer", take_leaders_answer),
                ],
            },
            otherwise=[WaitFor("head"), SagaStep("take_heads_answer", take_heads_answer)],
        ),
        Choice(
            "review",
            "approved",
            {
                False: [
                    SagaStep("ask_supplier", ask_supplier),
                    WaitFor("supplier"),
                    SagaStep("require_clearing", require_clearing),
                ]
            },
        ),
        Pivot("pay_invoice", pay_invoice),
        SagaStep("archive_invoice", archive_invoice),
    ],
)
