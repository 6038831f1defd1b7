"""A trip: car, hotel and flight.

Three services are booked one after the other. If the flight can't be had, the hotel and the car
are cancelled, the last one first. An answer that is lost is no reason to guess: the booking is
repeated under its key, and cancelled if nobody ever learns what became of it.

Reference: Restate, travel booking, "Sagas"; Camunda, trip booking, "Saga example: trip booking".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Saga, SagaStep


def book_car(context: Context) -> Result:
    return do("book_car", context, car="car-1")


def cancel_car(context: Context) -> None:
    undo("cancel_car", context)


def book_hotel(context: Context) -> Result:
    return do("book_hotel", context, hotel="hotel-1")


def cancel_hotel(context: Context) -> None:
    undo("cancel_hotel", context)


def book_flight(context: Context) -> Result:
    return do("book_flight", context, flight="flight-1")


def cancel_flight(context: Context) -> None:
    undo("cancel_flight", context)


trip_booking = Saga(
    "trip_booking",
    [
        SagaStep("book_car", book_car, cancel_car),
        SagaStep("book_hotel", book_hotel, cancel_hotel),
        SagaStep("book_flight", book_flight, cancel_flight),
    ],
)
