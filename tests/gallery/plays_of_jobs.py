"""Jobs, images and money: what programs do among themselves."""

from examples.gallery import sagas
from tests.gallery.playing import Cancel, Play, Signal, Wait, refused

IMAGES = [{"name": "a"}, {"name": "b"}, {"name": "c"}]
TRANSFER = {"source": "a", "target": "b", "amount": 5}

PLAYS = {
    "job_poller": {
        "happy": Play(
            sagas.job_poller,
            {"asks": 10},
            ["submit_job", "report"],
            [Wait(hours=2)],
            context={"status": "succeeded"},
        ),
        "fails": Play(
            sagas.job_poller,
            {"asks": 3, "fails": True},
            ["submit_job", "stop_job"],
            [Wait(minutes=20)],
            "compensated",
        ),
        "back": Play(
            sagas.job_poller,
            {"asks": 1000},
            ["submit_job", "stop_job"],
            [Wait(hours=7)],
            "compensated",
        ),
    },
    "monitor_job": {
        "happy": Play(
            sagas.monitor_job,
            {"asks": 10, "outcome_is": "succeeded"},
            ["submit_job", "report_success"],
            [Wait(minutes=9)],
        ),
        "fails": Play(
            sagas.monitor_job,
            {"asks": 2, "outcome_is": "failed"},
            ["submit_job", "report_failure"],
            [Wait(minutes=2)],
        ),
        "back": Play(
            sagas.monitor_job,
            {"asks": 1000, "outcome_is": "succeeded"},
            ["submit_job", "cancel_job"],
            [Wait(minutes=11)],
            "compensated",
        ),
    },
    "http_poll": {
        "happy": Play(
            sagas.http_poll,
            {"responses": ["busy", 1800, "done"]},
            ["order_export", "tell_customer"],
            [Wait(hours=1)],
            context={"told": "done"},
        ),
        "retry_after": Play(
            sagas.http_poll,
            {"responses": ["busy", 1800, "done"]},
            ["order_export"],
            [Wait(minutes=29)],
            "running",
            ["order_export"],
        ),
        "late": Play(
            sagas.http_poll,
            {"responses": ["busy"]},
            ["order_export", "tell_customer"],
            [Wait(days=2)],
            context={"told": "late"},
        ),
        "fails": Play(
            sagas.http_poll,
            {"responses": ["busy", "gone"]},
            ["order_export", "drop_export"],
            [Wait(minutes=1)],
            "compensated",
        ),
        "back": Play(
            sagas.http_poll,
            {"responses": ["busy"]},
            ["order_export", "drop_export"],
            [Wait(hours=5), Cancel()],
            "compensated",
        ),
    },
    "image_processing": {
        "happy": Play(
            sagas.image_processing,
            {"images": IMAGES},
            ["resize", "resize", "resize", "make_album"],
            context={"album": ["small-a", "small-b", "small-c"]},
        ),
        "fails": Play(
            sagas.image_processing,
            {"images": [*IMAGES, {"name": "d", **refused("resize")}]},
            ["resize", "resize", "resize", "delete_resized", "delete_resized", "delete_resized"],
            ends="compensated",
        ),
        "back": Play(
            sagas.image_processing,
            {"images": IMAGES, **refused("make_album")},
            ["resize", "resize", "resize", "delete_resized", "delete_resized", "delete_resized"],
            ends="compensated",
        ),
    },
    "document_processing": {
        "happy": Play(
            sagas.document_processing,
            {"pages": ["one two", "three"]},
            ["load", "read_page", "read_page", "make_index"],
            context={"words": 3},
        ),
        "fails": Play(
            sagas.document_processing,
            {"pages": ["one", None]},
            ["load", "read_page", "drop_page", "unload"],
            [Wait(hours=1)],
            "compensated",
        ),
        "back": Play(
            sagas.document_processing,
            {"pages": ["one", "two"], **refused("make_index")},
            ["load", "read_page", "read_page", "drop_page", "drop_page", "unload"],
            ends="compensated",
        ),
    },
    "parallel_enrichment": {
        "happy": Play(
            sagas.parallel_enrichment,
            {},
            ["mark_as_busy", "look_up_address", "look_up_phone", "store"],
            context={"stored": ["1 High Street", "555-0100"]},
        ),
        "fails": Play(
            sagas.parallel_enrichment,
            refused("mark_as_busy"),
            [],
            ends="compensated",
        ),
        "back": Play(
            sagas.parallel_enrichment,
            refused("look_up_phone"),
            ["mark_as_busy", "look_up_address", "unmark"],
            ends="compensated",
            stands=["look_up_address"],
        ),
    },
    "retry_on_error": {
        "happy": Play(
            sagas.retry_on_error,
            {"faults": {"call_service": 2}},
            ["open_case", "call_service"],
            [Wait(minutes=1)],
        ),
        "fails": Play(
            sagas.retry_on_error,
            refused("call_service"),
            ["open_case", "fall_back"],
            context={"because": "NoStock"},
        ),
        "answers_are_lost": Play(
            sagas.retry_on_error,
            {"faults": {"call_service": "lost"}},
            ["open_case", "call_service", "undo_call", "close_case"],
            [Wait(minutes=1)],
            "compensated",
        ),
        "back": Play(
            sagas.retry_on_error,
            {"faults": {"call_service": 3}},
            ["open_case", "close_case"],
            [Wait(minutes=1)],
            "compensated",
        ),
    },
    "money_transfer": {
        "happy": Play(
            sagas.money_transfer, TRANSFER, ["withdraw", "deposit"], context={"deposited": 5}
        ),
        "fails": Play(
            sagas.money_transfer, {**TRANSFER, **refused("withdraw")}, [], ends="compensated"
        ),
        "back": Play(
            sagas.money_transfer,
            {**TRANSFER, "faults": {"deposit": "lost"}},
            ["withdraw", "deposit", "take_back_deposit", "refund"],
            [Wait(hours=1)],
            "compensated",
        ),
    },
    "semaphore": {
        "happy": Play(sagas.semaphore, {"pool": "a"}, ["prepare", "run_job"], [Signal("done")]),
        "fails": Play(sagas.semaphore, {"pool": "a", **refused("prepare")}, [], ends="compensated"),
        "back": Play(
            sagas.semaphore,
            {"pool": "a"},
            ["prepare", "run_job", "stop_job", "clean_up"],
            [Wait(hours=2)],
            "compensated",
        ),
    },
    "credit_card_payment": {
        "happy": Play(
            sagas.credit_card_payment,
            {"credit": 20, "amount": 50},
            ["deduct_credit", "charge_card", "complete_payment"],
            context={"charged": 30},
        ),
        "credit_is_enough": Play(
            sagas.credit_card_payment,
            {"credit": 70, "amount": 50},
            ["deduct_credit", "complete_payment"],
            context={"charged": None},
        ),
        "fails": Play(
            sagas.credit_card_payment,
            {"credit": 20, "amount": 50, **refused("charge_card")},
            ["deduct_credit", "give_back_credit"],
            ends="compensated",
        ),
        "back": Play(
            sagas.credit_card_payment,
            {"credit": 20, "amount": 50, **refused("complete_payment")},
            ["deduct_credit", "charge_card", "refund_card", "give_back_credit"],
            ends="compensated",
        ),
    },
}
