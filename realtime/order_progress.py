"""Where an order stands, as its customer is told: the steps in plain words.

Made from the row and its events each time that something moved, and sent whole: so whoever has
missed some of it needs nothing but the newest.
"""

from collections.abc import Mapping
from typing import Any, Final

from sagas import queries

STEPS: Final = {
    "validate_user": "Account checked",
    "reserve_inventory": "Items set aside",
    "process_payment": "Payment",
    "create_order": "Order placed",
    "send_confirmation": "Confirmation sent",
}

STATES: Final = {
    "pending": "idle",
    "scheduled": "now",
    "running": "now",
    "waiting": "now",
    "succeeded": "done",
    "failed": "failed",
    "skipped": "done",
    "compensation_scheduled": "undoing",
    "compensating": "undoing",
    "compensated": "undone",
    "compensation_failed": "failed",
}
"""A step's status → how the page shows it."""

SIGNS: Final = {
    "idle": "○",
    "now": "◐",
    "waiting": "◐",
    "done": "✓",
    "failed": "✕",
    "undoing": "◀",
    "undone": "↺",
}
"""So that nothing depends on colour."""

HEADLINES: Final = {
    "pending": ("now", "We have your order", "It begins in a moment."),
    "running": ("now", "We are working on your order", "You can watch each step here."),
    "completed": ("done", "Your order is complete", "A confirmation is on its way to you."),
    "compensating": (
        "undoing",
        "We can't complete your order",
        "What was done so far is being undone.",
    ),
    "compensated": (
        "undone",
        "Your order was cancelled",
        "Everything was undone, and anything that was taken has been given back.",
    ),
    "failed": (
        "failed",
        "Your order needs one of us",
        "It is on hold until one of us has looked at it. You don't need to do anything.",
    ),
}
LABELS: Final = {
    "now": "in progress",
    "waiting": "on hold",
    "done": "complete",
    "failed": "needs one of us",
    "undoing": "being undone",
    "undone": "cancelled",
}
"""How a list says the same."""

PAUSED: Final = (
    "waiting",
    "Your order is on hold",
    "It continues as soon as one of us releases it.",
)

_SETTLED: Final = ("step.succeeded", "step.failed", "step.skipped")


def progress_of(saga_id: str, user: Any) -> dict[str, Any]:
    """What the page shows, JSON values alone. Raises `NoSuchExecution`."""
    execution = queries.execution(saga_id, user)
    found = queries.describe(execution)
    settled = _settled_at(execution.pk)
    is_over = queries.is_terminal(found["status"])
    state, headline, detail = HEADLINES[found["status"]]
    if found["paused"] and not is_over:
        state, headline, detail = PAUSED
    return {
        "seq": found["last_seq"],
        "state": state,
        "sign": SIGNS[state],
        "headline": headline,
        "detail": detail,
        "is_over": is_over,
        "steps": [_step(step, settled.get(step["name"], "")) for step in found["steps"]],
    }


def _step(step: Mapping[str, Any], settled_at: str) -> dict[str, Any]:
    status = step["status"]
    is_back = status.startswith("compensat")
    state = STATES[status]
    attempts = step["compensation_attempts" if is_back else "attempts"]
    if status in ("scheduled", "compensation_scheduled") and attempts:
        state = "waiting"
    return {
        "name": step["name"],
        "label": STEPS.get(step["name"], step["name"].replace("_", " ").capitalize()),
        "state": state,
        "sign": SIGNS[state],
        "note": _note(state, attempts),
        "at": settled_at if state in ("done", "failed", "undone") else "",
    }


def _note(state: str, attempts: int) -> str:
    again = f", attempt {attempts}" if attempts > 1 else ""
    match state:
        case "now":
            return f"under way{again}"
        case "waiting":
            return "no answer yet, we try again"
        case "undoing":
            return f"being undone{again}"
        case "undone":
            return "undone"
        case "failed":
            return "did not work"
        case "done" if again:
            return f"done at attempt {attempts}"
        case "done":
            return "done"
        case _:
            return "not reached"


def _settled_at(execution_id: int) -> dict[str, str]:
    """Step → when it was last settled, in ISO 8601; by one page of events, which is hundreds."""
    return {
        event.step: queries.describe_event(event)["at"]
        for event in queries.events_after(execution_id, 0)
        if event.step is not None and event.type in _SETTLED
    }
