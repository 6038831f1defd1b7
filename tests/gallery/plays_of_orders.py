"""Orders, meals and parcels: what is bought."""

from examples.gallery import sagas
from tests.gallery.playing import Play, Signal, Wait, refused

ORDER = {"order_id": 1, "item": "laptop", "quantity": 1}
UPS = {"carrier": "ups"}
KITCHEN = {"delay": 600, "asks": 3}
BULB = {"sku": "bulb"}

PLAYS = {
    "customers_and_orders": {
        "happy": Play(
            sagas.customers_and_orders,
            {"amount": 50, "credit_limit": 100},
            ["create_order", "reserve_credit", "approve_order"],
            context={"order_state": "approved"},
        ),
        "fails": Play(
            sagas.customers_and_orders,
            {"amount": 150, "credit_limit": 100},
            ["create_order", "reject_order"],
            ends="compensated",
        ),
        "back": Play(
            sagas.customers_and_orders,
            {"amount": 50, "credit_limit": 100, **refused("approve_order")},
            ["create_order", "reserve_credit", "release_credit", "reject_order"],
            ends="compensated",
        ),
    },
    "purchase_order": {
        "happy": Play(
            sagas.purchase_order,
            {},
            ["place_order", "log_confirmation", "accept_shipment"],
            [Signal("confirmed"), Wait(days=20), Signal("shipped", {"tracking": "t-1"})],
            context={"tracking": "t-1"},
        ),
        "fails": Play(
            sagas.purchase_order,
            {},
            ["place_order", "cancel_order"],
            [Wait(days=31)],
            "compensated",
        ),
        "back": Play(
            sagas.purchase_order,
            {},
            ["place_order", "log_confirmation", "cancel_order"],
            [Signal("confirmed"), Wait(days=31)],
            "compensated",
            ["log_confirmation"],
        ),
    },
    "provision_orders": {
        "happy": Play(sagas.provision_orders, {"order": ORDER}, ["receive", "provision"]),
        "without_an_id": Play(
            sagas.provision_orders, {"order": {"item": "laptop"}}, ["receive", "ask_for_order_id"]
        ),
        "without_a_quantity": Play(
            sagas.provision_orders,
            {"order": {**ORDER, "quantity": 0}},
            ["receive", "ask_for_quantity"],
        ),
        "fails": Play(
            sagas.provision_orders,
            {"order": {**ORDER, "item": ""}},
            ["receive", "ask_for_item"],
            context={
                "provision_failed": {"error": "MissingItem", "message": "The order has no item."}
            },
        ),
        "back": Play(
            sagas.provision_orders,
            {"order": ORDER, **refused("provision")},
            ["receive", "send_back"],
            ends="compensated",
        ),
    },
    "order_lines": {
        "happy": Play(
            sagas.order_lines,
            {"address": "here", "lines": [{"sku": "lamp"}, {"sku": "bulb"}]},
            ["reserve_line", "reserve_line", "pack_line", "pack_line", "charge"],
            context={"ship_lines": [{"parcel": "lamp for here"}, {"parcel": "bulb for here"}]},
        ),
        "fails": Play(
            sagas.order_lines,
            {
                "address": "here",
                "lines": [{"sku": "lamp", **refused("pack_line")}, BULB],
            },
            [
                *("reserve_line", "reserve_line", "pack_line", "release_line"),
                *("tell_what_is_missing", "charge"),
            ],
            stands=["reserve_line", "pack_line", "tell_what_is_missing", "charge"],
            context={
                "ship_lines": [
                    {"failed": {"error": "Rejected", "message": "pack_line was refused."}},
                    {"parcel": "bulb for here"},
                ],
                "missing": ["lamp"],
            },
        ),
        "back": Play(
            sagas.order_lines,
            {"address": "here", "lines": [{"sku": "lamp"}, {"sku": "bulb"}], **refused("charge")},
            [
                *("reserve_line", "reserve_line", "pack_line", "pack_line"),
                *("unpack_line", "unpack_line", "release_line", "release_line"),
            ],
            ends="compensated",
        ),
    },
    "order_shipping": {
        "happy": Play(
            sagas.order_shipping,
            {"carrier": "fedex"},
            ["pack", "ship_by_fedex", "send_invoice"],
            context={"tracking": "fedex-1"},
        ),
        "fails": Play(
            sagas.order_shipping,
            {**UPS, **refused("ship_by_ups")},
            ["pack", "unpack"],
            ends="compensated",
        ),
        "back": Play(
            sagas.order_shipping,
            {**UPS, **refused("send_invoice")},
            ["pack", "ship_by_ups", "recall_parcel", "unpack"],
            ends="compensated",
        ),
    },
    "sub_workflow": {
        "happy": Play(
            sagas.sub_workflow,
            {"amount": 30},
            ["take_order", "authorize", "capture", "ship"],
            context={"payment_receipt": "receipt for 30"},
        ),
        "fails": Play(
            sagas.sub_workflow,
            {"amount": 30, **refused("capture")},
            ["take_order", "authorize", "void_authorization", "drop_order"],
            ends="compensated",
        ),
        "back": Play(
            sagas.sub_workflow,
            {"amount": 30, **refused("ship")},
            [
                *("take_order", "authorize", "capture"),
                *("refund", "void_authorization", "drop_order"),
            ],
            ends="compensated",
        ),
    },
    "food_ordering": {
        "happy": Play(
            sagas.food_ordering,
            {},
            ["charge", "cook", "ask_for_rating"],
            [Signal("restaurant", {"accepts": True}), Wait(minutes=40), Signal("delivered", {})],
        ),
        "late": Play(
            sagas.food_ordering,
            {},
            ["charge", "cook", "apologize"],
            [Signal("restaurant", {"accepts": True}), Wait(hours=2)],
        ),
        "fails": Play(
            sagas.food_ordering, {}, ["charge", "refund"], [Wait(minutes=11)], "compensated"
        ),
        "back": Play(
            sagas.food_ordering,
            {},
            ["charge", "refund"],
            [Signal("restaurant", {"accepts": False})],
            "compensated",
        ),
    },
    "order_state": {
        "happy": Play(
            sagas.order_state,
            {},
            ["submit", "book_payment", "reserve_stock", "ship"],
            [Signal("paid"), Signal("accepted")],
        ),
        "fails": Play(
            sagas.order_state,
            {},
            ["submit", "reserve_stock", "release_stock", "cancel_submission"],
            [Signal("accepted"), Wait(days=15)],
            "compensated",
        ),
        "back": Play(
            sagas.order_state,
            refused("ship"),
            [
                *("submit", "reserve_stock", "book_payment"),
                *("release_stock", "pay_back", "cancel_submission"),
            ],
            [Signal("accepted"), Signal("paid")],
            "compensated",
        ),
    },
    "food_delivery": {
        "happy": Play(
            sagas.food_delivery,
            KITCHEN,
            ["pay", "order_at_restaurant", "assign_driver", "close_order"],
            [Wait(hours=1), Signal("delivered")],
        ),
        "fails": Play(
            sagas.food_delivery,
            {"delay": 600, "asks": 1000},
            ["pay", "order_at_restaurant", "cancel_at_restaurant", "return_payment"],
            [Wait(hours=3)],
            "compensated",
        ),
        "back": Play(
            sagas.food_delivery,
            {**KITCHEN, **refused("assign_driver")},
            ["pay", "order_at_restaurant", "cancel_at_restaurant", "return_payment"],
            [Wait(hours=1)],
            "compensated",
        ),
    },
    "widget_store": {
        "happy": Play(
            sagas.widget_store,
            {},
            ["create_order", "reserve_widget", "mark_as_paid", "dispatch"],
            [Signal("payment", "paid")],
        ),
        "fails": Play(
            sagas.widget_store,
            refused("reserve_widget"),
            ["create_order", "cancel_order"],
            ends="compensated",
        ),
        "back": Play(
            sagas.widget_store,
            {},
            ["create_order", "reserve_widget", "restock_widget", "cancel_order"],
            [Wait(minutes=3)],
            "compensated",
        ),
    },
    "buyers_remorse": {
        "happy": Play(sagas.buyers_remorse, {}, ["place_order", "bill"], [Wait(seconds=21)]),
        "fails": Play(
            sagas.buyers_remorse,
            refused("bill"),
            ["place_order", "drop_order"],
            [Wait(seconds=21)],
            "compensated",
        ),
        "back": Play(
            sagas.buyers_remorse,
            {},
            ["place_order", "drop_order"],
            [Wait(seconds=15), Signal("cancelled"), Wait(seconds=21)],
            "compensated",
        ),
    },
    "shipping_policy": {
        "happy": Play(
            sagas.shipping_policy,
            {},
            ["pack", "ask_courier"],
            [Signal("billed"), Wait(days=1), Signal("placed"), Signal("courier", {"parcel": 1})],
        ),
        "second_carrier": Play(
            sagas.shipping_policy,
            {},
            ["pack", "ask_courier", "ask_post"],
            [Signal("billed"), Signal("placed"), Wait(seconds=21), Signal("post")],
        ),
        "fails": Play(
            sagas.shipping_policy,
            refused("ask_courier"),
            ["pack", "unpack"],
            [Signal("billed"), Signal("placed")],
            "compensated",
        ),
        "back": Play(
            sagas.shipping_policy,
            {},
            ["pack", "ask_courier", "ask_post", "call_off_post", "call_off_courier", "unpack"],
            [Signal("billed"), Signal("placed"), Wait(minutes=2)],
            "compensated",
        ),
    },
    "routing_slip": {
        "happy": Play(
            sagas.routing_slip,
            {"slip": {"download": True, "upload": True}},
            ["download", "upload", "publish"],
        ),
        "fails": Play(
            sagas.routing_slip,
            {"slip": {"download": True, "filter": True}, **refused("filter_image")},
            ["download", "delete_download"],
            ends="compensated",
        ),
        "back": Play(
            sagas.routing_slip,
            {"slip": {"download": True, "filter": True, "upload": True}, **refused("publish")},
            [
                *("download", "filter_image", "upload"),
                *("delete_upload", "restore_image", "delete_download"),
            ],
            ends="compensated",
        ),
    },
}
