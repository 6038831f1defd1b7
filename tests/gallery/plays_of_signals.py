"""Shipments, auctions and sensors: signals that come many times."""

from typing import Any

from examples.gallery import sagas
from tests.gallery.playing import Cancel, Play, Signal, Wait, refused

OPEN = {"open_for": 86400}


def update(status: str, key: str) -> Signal:
    return Signal("update", {"status": status}, key=key)


def bid(who: str, amount: int) -> Signal:
    return Signal("bid", {"who": who, "amount": amount})


OWING = ["give_access", "send_invoice"]
LETTERS = ["send_letter_1", "send_letter_2", "send_letter_3"]

PLAYS: dict[str, dict[str, Play]] = {
    "dunning": {
        "happy": Play(
            sagas.dunning,
            {},
            [*OWING, *LETTERS[:2], "send_receipt"],
            [Wait(days=7), Wait(days=8), Signal("payment", 100), Wait(days=30)],
        ),
        "fails": Play(
            sagas.dunning,
            refused("send_invoice"),
            ["give_access", "revoke_access"],
            [Wait(days=30)],
            ends="compensated",
        ),
        "back": Play(
            sagas.dunning,
            {},
            [*OWING, *LETTERS, "cancel_invoice", "revoke_access"],
            [Wait(days=7), Wait(days=7), Wait(days=7), Wait(days=9.5)],
            "compensated",
            stands=LETTERS,
        ),
        "called_off": Play(
            sagas.dunning,
            {},
            [*OWING, "send_letter_1", "cancel_invoice", "revoke_access"],
            [Wait(days=7), Cancel(), Wait(days=30)],
            "compensated",
            stands=LETTERS[:1],
        ),
        "letters_fail": Play(
            sagas.dunning,
            {"faults": {"send_letter_1": "refused", "send_letter_2": "down"}},
            [*OWING, "send_letter_3", "send_receipt"],
            [Wait(days=7), Wait(days=7), Wait(days=7), Signal("payment", 100)],
        ),
    },
    "carrier_updates": {
        "happy": Play(
            sagas.carrier_updates,
            {},
            ["hand_over", "close_shipment"],
            [
                update("booked", "evt-1"),
                update("dispatched", "evt-2"),
                Wait(days=2),
                update("dispatched", "evt-2"),
                update("delivered", "evt-3"),
                update("delivered", "evt-3"),
            ],
            context={"stops": ["booked", "dispatched", "delivered"]},
        ),
        "fails": Play(
            sagas.carrier_updates,
            refused("hand_over"),
            [],
            ends="compensated",
        ),
        "back": Play(
            sagas.carrier_updates,
            {},
            ["hand_over", "search_parcel"],
            [update("booked", "evt-1"), Wait(days=31)],
            "compensated",
        ),
    },
    "car_auction": {
        "happy": Play(
            sagas.car_auction,
            OPEN,
            ["take_in_car", "charge_winner"],
            [bid("ann", 500), bid("bo", 700), bid("cy", 600), Wait(days=1)],
            context={"charged": 700, "winner": {"who": "bo", "amount": 700}},
        ),
        "fails": Play(
            sagas.car_auction,
            OPEN,
            ["take_in_car", "give_back_car"],
            [Wait(days=1)],
            "compensated",
        ),
        "back": Play(
            sagas.car_auction,
            {**OPEN, **refused("charge_winner")},
            ["take_in_car", "give_back_car"],
            [bid("ann", 500), Wait(days=1)],
            "compensated",
        ),
        "called_off": Play(
            sagas.car_auction,
            OPEN,
            ["take_in_car", "give_back_car"],
            [bid("ann", 500), Cancel()],
            "compensated",
        ),
    },
    "room_readings": {
        "happy": Play(
            sagas.room_readings,
            {},
            ["write_report", "send_report"],
            [
                Signal("temperature", 20),
                Signal("humidity", 50),
                Signal("temperature", 22),
                Wait(hours=1),
            ],
            context={"means": {"temperature": 21.0, "humidity": 50.0}, "humidity": [50]},
        ),
        "full": Play(
            sagas.room_readings,
            {},
            ["write_report", "send_report"],
            [Signal(kind, 7) for kind in ("temperature", "humidity") for _ in range(60)],
            context={"means": {"temperature": 7.0, "humidity": 7.0}},
        ),
        "fails": Play(
            sagas.room_readings, refused("write_report"), [], [Wait(hours=1)], "compensated"
        ),
        "back": Play(
            sagas.room_readings,
            refused("send_report"),
            ["write_report", "remove_report"],
            [Signal("humidity", 50), Wait(hours=1)],
            "compensated",
        ),
    },
}


def reading(room: str, kind: str, value: float) -> dict[str, Any]:
    """What is given to `engine.signal_with_start` for a sensor's reading."""
    return {
        "saga_type": "room_readings",
        "context": {"room": room},
        "saga_id": f"room-{room}",
        "name": kind,
        "payload": value,
    }
