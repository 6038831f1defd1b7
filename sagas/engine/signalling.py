"""Signals: what comes from outside for a step that waits for it."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from sagas import inputs
from sagas.engine.operating import accepted, hand_in
from sagas.engine.starting import Started, start
from sagas.engine.transact import decide_and_save, notify_parent
from sagas.machine import Signal
from sagas.store import recovery


def signal(
    saga_id: str, name: str, payload: Any = None, *, key: str | None = None, by: str = ""
) -> None:
    """Sends the signal `name` to the step that waits for it; it becomes the context's key `name`,
    or joins the list there, if the wait collects. It is kept if the wait has not begun. A wait in
    the rounds of a `Repeat` is reached in the round at work, or else in the next one. A signal that
    a `ForEach` grows by adds an item to its list, and one that it closes by says that no more come.

    `key` is the sender's id of this very signal, as the id of a webhook's event, of 1 to 100
    characters. The same key with the same payload again changes nothing, and with another payload
    it is refused, for as long as the execution is kept. Without a key, the same payload again
    changes nothing for a wait for one signal, and is another signal for one that collects (R13).

    Raises what the functions for operators do, and `BadInput` for a payload that does not fit the
    wait's form; its `fields` begin with `payload`.
    """
    hand_in(saga_id, _checked(name, payload, key, by))


def signal_with_start(
    saga_type: str,
    context: Mapping[str, Any],
    *,
    saga_id: str,
    name: str,
    payload: Any = None,
    key: str | None = None,
    by: str = "",
    version: int | None = None,
    owner_id: Any = None,
    start_at: datetime | None = None,
    deadline: datetime | None = None,
    tags: Iterable[str] = (),
) -> Started:
    """Starts the saga, unless it was started before, and sends it the signal `name`, in one
    transaction: if either is refused, neither is done. For events of which nobody knows whether
    they are the first.

    The arguments are those of `start` and of `signal`, and so are the errors: `Conflict` if the
    saga_id is taken by an execution of another type, input or owner. It commits its work, and may
    not be called inside a transaction.
    """
    fact = _checked(name, payload, key, by)
    options = {"version": version, "owner_id": owner_id, "start_at": start_at, "tags": tuple(tags)}
    return _start_and_signal(
        fact, saga_type, context, saga_id=saga_id, deadline=deadline, **options
    )


@recovery.repeated
def _start_and_signal(fact: Signal, *args: Any, **options: Any) -> Started:
    with transaction.atomic(durable=True):
        started = start(*args, **options)
        found = accepted(
            started.saga_id,
            started.execution_id,
            lambda: decide_and_save(started.execution_id, fact),
        )
    notify_parent(found)
    return replace(started, status=found.decision.state.status)


def _checked(name: str, payload: Any, key: str | None, by: str) -> Signal:
    """Raises `BadInput`."""
    inputs.checked_text(by=by, name=name)
    payload = inputs.checked_changes({name: payload})[name]
    return Signal(name, payload, by, inputs.checked_key(key), call=uuid.uuid4().hex)
