"""What is done again and again: cards, pages, checks and months."""

from examples.gallery import sagas
from tests.gallery.playing import Act, Cancel, Move, Play, Signal, Wait, refused

A_CHECK = ["check_tyres", "check_battery", "read_ignition"]
ASKED = ["look_up", "ask_reader"]
TRIAL = Wait(days=14, seconds=1)


def comes(step: str, of: str) -> Move:
    """A person lets a round's time come. To wait for weeks is to have its saga looked at all that
    time."""
    return Move(step, 0, f"example~{of}")


def card(number: int, payload: str) -> Signal:
    return Signal("card", payload, f"example~ask_for_card.{number}")


def answer(number: int, payload: str) -> Signal:
    return Signal("answer", payload, f"example~lend.{number}")


HELD: list[Act] = [answer(1, "hold"), comes("two_weeks", "lend.1")]
MONTHS: list[Act] = [comes("month", "months.1"), comes("month", "months.2")]

PLAYS = {
    "another_card": {
        "happy": Play(
            sagas.another_card,
            {},
            ["reserve_goods", "send_link", "send_link", "charge", "ship"],
            [card(1, "declined"), card(2, "good")],
            context={"card": "good", "link": "/cards/example~ask_for_card.2"},
        ),
        "fails": Play(
            sagas.another_card,
            {},
            ["reserve_goods", *["send_link"] * 3, "release_goods"],
            [card(1, "declined"), card(2, "declined"), card(3, "declined")],
            "compensated",
            ["send_link"] * 3,
        ),
        "back": Play(
            sagas.another_card,
            refused("ship"),
            ["reserve_goods", "send_link", "charge", "refund", "release_goods"],
            [card(1, "good")],
            "compensated",
            ["send_link"],
        ),
    },
    "do_while": {
        "happy": Play(
            sagas.do_while,
            {"left": 3},
            ["fetch", "store"] * 3,
            context={"left": 0, "page": 3},
        ),
        "fails": Play(sagas.do_while, {"left": 3, "fails_at": 3}, [], (), "compensated"),
        "back": Play(
            sagas.do_while,
            {"left": 3, "fails_at": 1},
            [*["fetch", "store"] * 2, *["delete", "drop"] * 2],
            (),
            "compensated",
        ),
    },
    "car_vitals": {
        "happy": Play(
            sagas.car_vitals,
            {"stops_after": 3},
            ["connect", *A_CHECK * 3, "report"],
            [Wait(minutes=21)],
        ),
        "fails": Play(
            sagas.car_vitals,
            {"stops_after": 3, "faults": {"report": "refused"}},
            ["connect", *A_CHECK * 3, "disconnect"],
            [Wait(minutes=21)],
            "compensated",
            A_CHECK * 3,
        ),
        "back": Play(
            sagas.car_vitals,
            {"stops_after": 3},
            ["connect", *A_CHECK * 2, "disconnect"],
            [Wait(minutes=11), Cancel()],
            "compensated",
            A_CHECK * 2,
        ),
    },
    "book_lending": {
        "happy": Play(
            sagas.book_lending,
            {"loans": 2},
            ["request", *ASKED, *ASKED, "look_up", "check_out"],
            [*HELD, answer(2, "hold"), comes("two_weeks", "lend.2")],
            context={"settled": "lent"},
        ),
        "let_go": Play(
            sagas.book_lending,
            {"loans": 2},
            ["request", *ASKED, "let_go"],
            [answer(1, "decline")],
            context={"settled": "let go"},
        ),
        "fails": Play(
            sagas.book_lending,
            {"loans": 2},
            ["request", *ASKED, "withdraw_request"],
            [comes("answer", "lend.1")],
            "compensated",
            ASKED,
        ),
        "back": Play(
            sagas.book_lending,
            {"loans": 2},
            ["request", *ASKED, "look_up", "ask_reader", "withdraw_request"],
            [*HELD, Cancel()],
            "compensated",
            [*ASKED, *ASKED],
        ),
    },
    "glass_of_water": {
        "happy": Play(
            sagas.glass_of_water,
            {"jug": 500, "sip": 30},
            ["take_glass", *["pour"] * 4],
            context={"level": 120},
        ),
        "fails": Play(
            sagas.glass_of_water,
            {"jug": 0, "sip": 30},
            ["take_glass", "put_back"],
            (),
            "compensated",
        ),
        "back": Play(
            sagas.glass_of_water,
            {"jug": 60, "sip": 30},
            ["take_glass", *["pour"] * 2, *["pour_back"] * 2, "put_back"],
            (),
            "compensated",
        ),
    },
    "subscription": {
        "happy": Play(
            sagas.subscription,
            {},
            ["welcome", *["charge"] * 3, "close", "say_goodbye"],
            [TRIAL, *MONTHS, Signal("cancel", None, "example~months.3")],
            context={"ended": "cancelled"},
        ),
        "fails": Play(
            sagas.subscription,
            {"pays": 2},
            ["welcome", *["charge"] * 2, "suspend", "say_goodbye"],
            [TRIAL, *MONTHS],
            context={"ended": "unpaid"},
        ),
        "back": Play(
            sagas.subscription,
            {},
            ["welcome", *["charge"] * 2, *["refund"] * 2, "revoke_access"],
            [TRIAL, MONTHS[0], Cancel()],
            "compensated",
        ),
    },
}
