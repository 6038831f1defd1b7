"""Send a message to a user."""

from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from ninja import Router

from examples.services.kit.idempotency import perform
from examples.services.kit.models import LedgerEntry
from examples.services.kit.schemas import Name, Payload
from examples.services.notifications.models import Notification

router = Router()


class NotificationIn(Payload):
    """Which text to send to whom, about which order."""

    user_id: Name
    template: Name
    order_id: Name


@router.post("/notifications")
def post_notification(request: HttpRequest, notification: NotificationIn) -> HttpResponse:
    """201 `{"notification_id"}`."""
    return perform(request, notification, deliver)


def deliver(key: str, wanted: NotificationIn) -> dict[str, str]:
    """Send the message; in this example, to write it down is to send it."""
    notification = Notification.objects.create(
        notification_id=f"msg_{uuid4().hex}", key=key, **wanted.model_dump()
    )
    LedgerEntry.objects.create(key=key, kind="send", subject=notification.user_id, amount=1)
    return {"notification_id": notification.notification_id}
