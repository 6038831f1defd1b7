"""Money from one account to another.

It is withdrawn, and then deposited. If the deposit is refused, the withdrawal is refunded. Two
transfers that touch one account run one after the other: an execution locks both accounts.

Reference: Temporal, money transfer, "Run your first Temporal application with the Python SDK".
"""

from collections.abc import Iterable, Mapping
from typing import Any

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Saga, SagaStep


def accounts(transfer: Mapping[str, Any]) -> Iterable[str]:
    return [f"account:{transfer['source']}", f"account:{transfer['target']}"]


def withdraw(context: Context) -> Result:
    return do("withdraw", context, withdrawn=context["amount"])


def refund(context: Context) -> None:
    undo("refund", context)


def deposit(context: Context) -> Result:
    return do("deposit", context, deposited=context["amount"])


def take_back_deposit(context: Context) -> None:
    undo("take_back_deposit", context)


money_transfer = Saga(
    "money_transfer",
    [
        SagaStep("withdraw", withdraw, refund),
        SagaStep("deposit", deposit, take_back_deposit),
    ],
    locks=accounts,
)
