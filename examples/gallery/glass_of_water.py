"""A glass that is filled, one sip after the other.

Water is poured until the glass holds 100 millilitres. How much it holds is a number, which a range
is compared with. If the jug runs dry, all that was poured goes back.

Reference: Serverless Workflow, Filling a glass of water, "Loop with a counter".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Between, Context, Rejected, Repeat, Saga, SagaStep


def take_glass(context: Context) -> Result:
    return do("take_glass", context, level=0)


def put_back(context: Context) -> None:
    undo("put_back", context)


def pour(context: Context) -> Result:
    if context["level"] >= context["jug"]:
        raise Rejected("The jug is dry.")
    return do("pour", context, level=context["level"] + context["sip"])


def pour_back(context: Context) -> None:
    undo("pour_back", context)


glass_of_water = Saga(
    "glass_of_water",
    [
        SagaStep("take_glass", take_glass, put_back),
        Repeat(
            "fill",
            [SagaStep("pour", pour, pour_back)],
            until={"level": Between(at_least=100)},
            most=50,
        ),
    ],
)
