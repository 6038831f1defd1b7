"""Documents that are read, page by page.

A document is loaded, each page is read by itself, ten at a time, and an index is made of all that
was read. If the index can't be made, what was read is dropped, and the document is unloaded.

Reference: Hatchet, document processing, "Child Spawning" (fan-out).
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, ForEach, Saga, SagaStep


def load(context: Context) -> Result:
    return do("load", context)


def unload(context: Context) -> None:
    undo("unload", context)


def read_page(context: Context) -> Result:
    return do("read_page", context, words=len(context["item"].split()))


def drop_page(context: Context) -> None:
    undo("drop_page", context)


def make_index(context: Context) -> Result:
    return do("make_index", context, words=sum(each["words"] for each in context["read"]))


document_processing = Saga(
    "document_processing",
    [
        SagaStep("load", load, unload),
        ForEach(
            "read",
            over="pages",
            action=read_page,
            compensation=drop_page,
            max_concurrency=10,
        ),
        SagaStep("make_index", make_index),
    ],
)
