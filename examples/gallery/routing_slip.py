"""A routing slip: activities on an itinerary.

The slip names the activities that a file goes through. Each is done if it stands on the slip, and
logs what its compensation needs. A fault sends the slip back along the way that it came: only the
activities that were done are compensated.

Reference: MassTransit, courier, "Routing Slips".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Saga, SagaStep


def download(context: Context) -> Result:
    return do("download", context, file="file-1")


def delete_download(context: Context) -> None:
    undo("delete_download", context)


def filter_image(context: Context) -> Result:
    return do("filter_image", context)


def restore_image(context: Context) -> None:
    undo("restore_image", context)


def upload(context: Context) -> Result:
    return do("upload", context, uploaded=context["file"])


def delete_upload(context: Context) -> None:
    undo("delete_upload", context)


def publish(context: Context) -> Result:
    return do("publish", context)


routing_slip = Saga(
    "routing_slip",
    [
        SagaStep("download", download, delete_download, when="slip.download"),
        SagaStep("filter_image", filter_image, restore_image, when="slip.filter"),
        SagaStep("upload", upload, delete_upload, when="slip.upload"),
        SagaStep("publish", publish),
    ],
)
