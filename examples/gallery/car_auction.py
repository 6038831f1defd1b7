"""The bids for a car, until its auction closes.

The auction says in its input how long it is open. Bids come as signals, and all of them count; when
the time is over, the highest one wins. If nobody has bid, the car goes back to its seller, as it
does if the winner can't pay.

Reference: Serverless Workflow, handle car auction bids, "Examples".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Rejected, Saga, SagaStep, WaitFor


def take_in_car(context: Context) -> Result:
    return do("take_in_car", context, lot="lot-1")


def give_back_car(context: Context) -> None:
    undo("give_back_car", context)


def pick_winner(context: Context) -> Result:
    if not context["bid"]:
        raise Rejected("Nobody has bid.")
    return {"winner": max(context["bid"], key=lambda bid: bid["amount"])}


def charge_winner(context: Context) -> Result:
    return do("charge_winner", context, charged=context["winner"]["amount"])


car_auction = Saga(
    "car_auction",
    [
        SagaStep("take_in_car", take_in_car, give_back_car),
        WaitFor("bid", collect=True, most=1000, timeout="open_for", on_timeout="continue"),
        SagaStep("pick_winner", pick_winner),
        SagaStep("charge_winner", charge_winner),
    ],
)
