"""A loop that runs as often as its input says.

Two tasks run one after the other, and the second one counts down. They run again until nothing is
left to do. Should a task fail in a later round, the rounds before it are undone, too, the newest
one first.

Reference: Conductor, Do-While, "Do While task: loop over a list of tasks".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Rejected, Repeat, Saga, SagaStep


def fetch(context: Context) -> Result:
    if context["left"] == context.get("fails_at"):
        raise Rejected("There is nothing to fetch.")
    return do("fetch", context, page=context["round"])


def drop(context: Context) -> None:
    undo("drop", context)


def store(context: Context) -> Result:
    return do("store", context, left=context["left"] - 1)


def delete(context: Context) -> None:
    undo("delete", context)


do_while = Saga(
    "do_while",
    [
        Repeat(
            "pages",
            [SagaStep("fetch", fetch, drop), SagaStep("store", store, delete)],
            until={"left": 0},
            most=100,
        ),
    ],
)
