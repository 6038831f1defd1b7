"""An address that is polled until it says what was hoped for.

The address is asked every ten seconds, then less and less often, up to once an hour. An answer with
`Retry-After` is honoured: the action raises `Later`. After a day without the state that was hoped
for, the saga goes on without it.

Reference: Conductor, HTTP poll task, "HTTP Poll".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, ask, do, undo
from sagas import Context, Later, Poll, Rejected, Saga, SagaStep


def order_export(context: Context) -> Result:
    return do("order_export", context, export="export-1")


def drop_export(context: Context) -> None:
    undo("drop_export", context)


def get_state(context: Context) -> Result | None:
    responses = context["responses"]
    state = responses[min(ask(context), len(responses) - 1)]
    if isinstance(state, int):
        raise Later("Retry-After", after=state)
    if state == "gone":
        raise Rejected("The export is gone.")
    return {"state": state} if state == "done" else None


def tell_customer(context: Context) -> Result:
    return do("tell_customer", context, told=context.get("state", "late"))


http_poll = Saga(
    "http_poll",
    [
        SagaStep("order_export", order_export, drop_export),
        Poll(
            "get_state",
            get_state,
            every=10,
            factor=2,
            cap=3600,
            timeout=timedelta(days=1),
            on_timeout="continue",
        ),
        SagaStep("tell_customer", tell_customer),
    ],
)
