"""A hotel booking that messages decide.

The room is held, and the guest's payment is awaited: a message from the bank. A message that the
guest cancels may come first, or none within a day; then the room is free again. After the payment
the voucher is sent, and nothing is undone any more.

Reference: Camunda, event-based gateway, "Event-based gateway".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Context, FirstOf, Pivot, Rejected, Saga, SagaStep, Sleep, WaitFor


def hold_room(context: Context) -> Result:
    return do("hold_room", context, room="room-1")


def release_room(context: Context) -> None:
    undo("release_room", context)


def require_payment(context: Context) -> None:
    if context["message"] != "paid":
        raise Rejected(f"There is no payment: {context['message']}.")


def confirm_booking(context: Context) -> Result:
    return do("confirm_booking", context, booking="booking-1")


def send_voucher(context: Context) -> Result:
    return do("send_voucher", context)


hotel_booking = Saga(
    "hotel_booking",
    [
        SagaStep("hold_room", hold_room, release_room),
        FirstOf(
            "message",
            WaitFor("paid"),
            WaitFor("cancelled"),
            Sleep("expired", timedelta(days=1)),
        ),
        SagaStep("require_payment", require_payment),
        Pivot("confirm_booking", confirm_booking),
        SagaStep("send_voucher", send_voucher),
    ],
)
