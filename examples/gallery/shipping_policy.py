"""A parcel that is shipped once two messages are there, by the second carrier if need be.

An order is shipped when it was placed and when it was billed, whichever comes first. The better
carrier has twenty seconds to confirm; then the other one is asked. If that does not confirm either,
the order goes back.

Reference: NServiceBus, shipping policy, "NServiceBus sagas: Saga basics" and "NServiceBus sagas:
Integrations".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, Parallel, Present, Saga, SagaStep, WaitFor


def pack(context: Context) -> Result:
    return do("pack", context)


def unpack(context: Context) -> None:
    undo("unpack", context)


def ask_courier(context: Context) -> Result:
    return do("ask_courier", context)


def call_off_courier(context: Context) -> None:
    undo("call_off_courier", context)


def ask_post(context: Context) -> Result:
    return do("ask_post", context)


def call_off_post(context: Context) -> None:
    undo("call_off_post", context)


shipping_policy = Saga(
    "shipping_policy",
    [
        Parallel(WaitFor("placed"), WaitFor("billed")),
        SagaStep("pack", pack, unpack),
        SagaStep("ask_courier", ask_courier, call_off_courier),
        WaitFor("courier", timeout=20, on_timeout="continue"),
        Choice(
            "confirmed",
            "courier",
            {Present(): []},
            otherwise=[
                SagaStep("ask_post", ask_post, call_off_post),
                WaitFor("post", timeout=20),
            ],
        ),
    ],
)
