"""A timer that is moved while it runs.

A hotel reminds its guest a day before the stay. If the stay is put off, or comes sooner, a person
or a program moves the end of the sleep (`engine.reschedule`); the saga goes on sleeping, and knows
nothing of it.

Reference: Temporal, updatable timer, "updatabletimer" (samples-go).
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Saga, SagaStep, Sleep


def enter(context: Context) -> Result:
    return do("enter", context, entry="entry-1")


def strike_out(context: Context) -> None:
    undo("strike_out", context)


def remind(context: Context) -> Result:
    return do("remind", context)


updatable_timer = Saga(
    "updatable_timer",
    [
        SagaStep("enter", enter, strike_out),
        Sleep("until_reminder", until="remind_at"),
        SagaStep("remind", remind),
    ],
)
