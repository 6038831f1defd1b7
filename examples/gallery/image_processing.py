"""Images that are processed side by side.

Each image of the list is resized by itself, four at a time, with attempts and an undo of its own.
Once all are done, an album is made of them. If one can't be processed, those that were are deleted.

Reference: AWS Step Functions, map state, "Using Map state in Inline mode in Step Functions
workflows".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, ForEach, Saga, SagaStep


def resize(context: Context) -> Result:
    return do("resize", context, small=f"small-{context['item']['name']}")


def delete_resized(context: Context) -> None:
    undo("delete_resized", context)


def make_album(context: Context) -> Result:
    return do("make_album", context, album=[each["small"] for each in context["resized"]])


image_processing = Saga(
    "image_processing",
    [
        ForEach(
            "resized",
            over="images",
            action=resize,
            compensation=delete_resized,
            max_concurrency=4,
        ),
        SagaStep("make_album", make_album),
    ],
)
