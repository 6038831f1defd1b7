"""Send a message to a user."""

from uuid import uuid4

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from examples.services.kit.models import LedgerEntry
from examples.services.kit.schemas import Name, Payload
from examples.services.notifications.models import Notification
from saga_participant.decorators import idempotent
from saga_participant.requests import idempotency_key

router = Router()


class NotificationIn(Payload):
    """Which text to send to whom, about which order."""

    user_id: Name
    template: Name
    order_id: Name


@router.post("/notifications")
@idempotent("notifications.send")
def post_notification(request: HttpRequest, wanted: NotificationIn) -> HttpResponse:
    """201 `{"notification_id"}`; in this example, to write it down is to send it."""
    notification = Notification.objects.create(
        notification_id=f"msg_{uuid4().hex}", **wanted.model_dump()
    )
    LedgerEntry.objects.create(
        key=idempotency_key(request), kind="send", subject=notification.user_id, amount=1
    )
    return JsonResponse({"notification_id": notification.notification_id}, status=201)
