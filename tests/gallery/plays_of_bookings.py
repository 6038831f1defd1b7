"""Trips, rooms, tables and tests: what is booked, and called off."""

from examples.gallery import sagas
from tests.gallery.playing import Cancel, Move, Play, Signal, Wait, in_days, refused

TRIP = ["book_car", "book_hotel", "book_flight"]

PLAYS = {
    "trip_booking": {
        "happy": Play(sagas.trip_booking, {}, TRIP, context={"flight": "flight-1"}),
        "fails": Play(
            sagas.trip_booking,
            {"faults": {"book_flight": "lost"}},
            [*TRIP, "cancel_flight", "cancel_hotel", "cancel_car"],
            [Wait(hours=1)],
            "compensated",
        ),
        "back": Play(
            sagas.trip_booking,
            {"faults": {"book_flight": "refused", "cancel_hotel": 3}},
            ["book_car", "book_hotel", "cancel_hotel", "cancel_car"],
            [Wait(hours=1)],
            "compensated",
        ),
    },
    "visa_decision": {
        "happy": Play(
            sagas.visa_decision,
            {},
            ["apply", "plan_journey"],
            [Signal("approved")],
            context={"decision": "approved"},
        ),
        "nobody_decides": Play(
            sagas.visa_decision,
            {},
            ["apply", "tell_no_decision"],
            [Wait(days=61)],
            context={"decision": "no_decision"},
        ),
        "fails": Play(
            sagas.visa_decision,
            {},
            ["apply", "withdraw_application"],
            [Wait(days=59), Signal("rejected")],
            "compensated",
        ),
        "back": Play(
            sagas.visa_decision, {}, ["apply", "withdraw_application"], [Cancel()], "compensated"
        ),
    },
    "blood_test": {
        "happy": Play(
            sagas.blood_test,
            {"analyses": {"cells": True, "lipids": True}},
            ["draw_sample", "count_cells", "measure_lipids", "write_report"],
            context={"report": {"cells": 4_700_000, "lipids": 1.2}},
        ),
        "none_asked_for": Play(
            sagas.blood_test, {}, ["draw_sample", "write_report"], context={"report": {}}
        ),
        "fails": Play(sagas.blood_test, refused("draw_sample"), [], ends="compensated"),
        "back": Play(
            sagas.blood_test,
            {"analyses": {"cells": True, "glucose": True}, **refused("write_report")},
            [
                *("draw_sample", "count_cells", "measure_glucose"),
                *("annul_analysis", "annul_analysis", "discard_sample"),
            ],
            ends="compensated",
        ),
    },
    "updatable_timer": {
        "happy": Play(
            sagas.updatable_timer,
            {"remind_at": in_days(10)},
            ["enter", "remind"],
            [Move("until_reminder", 2), Wait(days=3)],
        ),
        "put_off": Play(
            sagas.updatable_timer,
            {"remind_at": in_days(10)},
            ["enter"],
            [Move("until_reminder", 20), Wait(days=19)],
            "running",
            ["enter"],
        ),
        "fails": Play(
            sagas.updatable_timer,
            {"remind_at": "tomorrow"},
            ["enter", "strike_out"],
            ends="compensated",
        ),
        "back": Play(
            sagas.updatable_timer,
            {"remind_at": in_days(10)},
            ["enter", "strike_out"],
            [Wait(days=9), Cancel()],
            "compensated",
        ),
    },
    "vet_appointment": {
        "happy": Play(
            sagas.vet_appointment,
            {},
            ["request_appointment", "note_appointment", "remind_owner"],
            [Signal("appointment", {"at": in_days(5)}), Wait(days=5)],
        ),
        "fails": Play(
            sagas.vet_appointment,
            {},
            ["request_appointment", "withdraw_request"],
            [Wait(days=3)],
            "compensated",
        ),
        "back": Play(
            sagas.vet_appointment,
            {},
            [
                *("request_appointment", "note_appointment"),
                *("strike_out_appointment", "withdraw_request"),
            ],
            [Signal("appointment", {"at": in_days(5)}), Wait(days=4), Cancel()],
            "compensated",
        ),
    },
    "vital_signs": {
        "happy": Play(
            sagas.vital_signs,
            {},
            ["reserve_monitor", "call_nurse"],
            [Wait(days=2), Signal("blood_pressure", {"systolic": 190})],
        ),
        "temperature": Play(
            sagas.vital_signs,
            {},
            ["reserve_monitor", "order_medicine"],
            [Signal("temperature", {"celsius": 40})],
        ),
        "respiration": Play(
            sagas.vital_signs,
            {},
            ["reserve_monitor", "call_pulmonologist"],
            [Signal("respiration", {"per_minute": 30})],
        ),
        "discharged": Play(sagas.vital_signs, {}, ["reserve_monitor"], [Signal("discharged")]),
        "fails": Play(
            sagas.vital_signs,
            refused("call_pulmonologist"),
            ["reserve_monitor", "give_back_monitor"],
            [Signal("respiration")],
            "compensated",
        ),
        "back": Play(
            sagas.vital_signs,
            {},
            ["reserve_monitor", "give_back_monitor"],
            [Cancel()],
            "compensated",
        ),
    },
    "hotel_booking": {
        "happy": Play(
            sagas.hotel_booking,
            {},
            ["hold_room", "confirm_booking", "send_voucher"],
            [Signal("paid", {"amount": 90})],
        ),
        "fails": Play(
            sagas.hotel_booking, {}, ["hold_room", "release_room"], [Wait(days=2)], "compensated"
        ),
        "back": Play(
            sagas.hotel_booking,
            {},
            ["hold_room", "release_room"],
            [Signal("cancelled")],
            "compensated",
            context={"message": "cancelled"},
        ),
    },
    "patient_onboarding": {
        "happy": Play(
            sagas.patient_onboarding,
            {"faults": {"assign_doctor": 9}},
            ["store_patient", "assign_doctor", "schedule_appointment"],
            [Wait(minutes=1)],
        ),
        "fails": Play(
            sagas.patient_onboarding,
            {"faults": {"store_patient": "down"}},
            [],
            [Wait(minutes=2)],
            "compensated",
        ),
        "back": Play(
            sagas.patient_onboarding,
            {"faults": {"schedule_appointment": "lost"}},
            [
                *("store_patient", "assign_doctor", "schedule_appointment"),
                *("cancel_appointment", "unassign_doctor", "remove_patient"),
            ],
            [Wait(minutes=2)],
            "compensated",
        ),
    },
}
