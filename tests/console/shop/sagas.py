from typing import Any

from sagas import (
    Choice,
    FirstOf,
    ForEach,
    Parallel,
    Pivot,
    Repeat,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    WaitFor,
)


def act(context: Any) -> None:
    """An action that does nothing."""


def release_stock(context: Any) -> None: ...


def refund(context: Any) -> None: ...


def unpack(context: Any) -> None: ...


def withdraw_label(context: Any) -> None: ...


def close_batch(context: Any) -> None: ...


def void_label(context: Any) -> None: ...


FORM = {
    "type": "object",
    "properties": {
        "approved": {"type": "boolean", "title": "Approved"},
        "limit": {"type": "integer", "title": "Limit", "minimum": 0},
        "team": {"enum": ["sales", "support"], "title": "Team"},
        "note": {"type": "string", "title": "Note", "maxLength": 200},
    },
    "required": ["approved"],
    "additionalProperties": False,
}

ONCE = Retry(max_attempts=1)

checkout = Saga(
    "checkout",
    [
        SagaStep("check_customer", act),
        SagaStep("reserve_stock", act, release_stock, compensation_retry=ONCE),
        Parallel(
            SagaStep("charge_card", act, refund, retry=Retry(max_attempts=5, backoff=20)),
            [SagaStep("pack", act, unpack), SagaStep("print_label", act, withdraw_label)],
        ),
        Pivot("hand_over", act),
        SagaStep("send_mail", act),
    ],
)

approval = Saga(
    "credit_limit",
    [
        SagaStep("score", act),
        WaitFor("decision", timeout=3 * 3600, form=FORM),
        Choice("by_team", "decision.team", {"sales": SagaStep("tell_sales", act)}),
        SagaStep("file", act, when="decision.approved"),
    ],
)

batch = Saga(
    "labels",
    [
        SagaStep("open_batch", act, close_batch),
        ForEach("print", over="items", action=act, compensation=void_label, max_concurrency=200),
        SagaStep("send_batch", act),
    ],
)

tour = Saga(
    "tour",
    [
        SubSaga("goods", "checkout", input=()),
        Repeat("remind", [SagaStep("call", act)], until="answered", most=3, on_most="continue"),
        FirstOf("answer", WaitFor("said_yes"), Sleep("a_day", 86400)),
        SagaStep("close", act),
    ],
)

locked = Saga("stocktaking", [SagaStep("count", act)], locks=lambda context: ["shelf-7"])

ALL = (checkout, approval, batch, tour, locked)
