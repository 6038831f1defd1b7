"""For which step a call is made: what its key is, and which trace it belongs to.

`tasks` says so around a step's action. A thread that the action starts is not in the step, unless
it is run in a copy of the action's context (`contextvars.copy_context`).
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class StepCall:
    """`key` is the idempotency key of all writes.

    `wrote` says that this attempt may have changed something at a service: whatever a later call
    comes to, the attempt is not without effect any more.
    """

    key: str
    saga_id: str
    wrote: bool = False

    @property
    def trace_id(self) -> str:
        """The W3C trace of all calls."""
        return trace_id_of(self.saga_id)


_step: ContextVar[StepCall | None] = ContextVar("step", default=None)


@contextmanager
def in_step(key: str, saga_id: str) -> Iterator[StepCall]:
    """All calls within the block are made for the step whose idempotency key is `key`.

    They join one trace with the calls of all other steps of the saga, compensations too.
    """
    call = StepCall(key, saga_id)
    token = _step.set(call)
    try:
        yield call
    finally:
        _step.reset(token)


def trace_id_of(saga_id: str) -> str:
    """The trace of a saga and of its children: 32 hexadecimal digits, made of the id that the saga
    was started with, so that nobody has to keep it."""
    root, _, _ = saga_id.partition("~")
    return hashlib.blake2b(root.encode(), digest_size=16).hexdigest()


def current_step() -> StepCall | None:
    """The step that this call is made for, if it is made for one."""
    return _step.get()


def idempotency_key(method: str, key: str | None) -> str | None:
    """The key to send with a call: the step's, and outside of one `key`.

    Raises ValueError for a write without a key, and for one with another key than its step's: a
    step that is repeated would then be done twice. A read may have any key, or none.
    """
    step = _step.get()
    if method == "GET":
        return key or (step.key if step else None)
    if step is None:
        if not key:
            raise ValueError(
                f"{method} needs an idempotency key, and no step gives it one: pass key=…, the "
                f"same for each repetition."
            )
        return key
    if key is not None and key != step.key:
        raise ValueError(
            f"{method} in a step is sent under the step's key, {step.key}, and not {key}: leave "
            "key= out, and move a second write into another step."
        )
    return step.key


def note_write(method: str) -> None:
    """This call, of the step if there is one, may have changed something."""
    step = _step.get()
    if step is not None and method != "GET":
        step.wrote = True


def trace_headers(request_id: str) -> dict[str, str]:
    """`X-Request-ID`, and `traceparent` (W3C Trace Context, section 3.2: version, trace, parent,
    flags): the step's trace, or a fresh one."""
    step = _step.get()
    trace_id = step.trace_id if step else os.urandom(16).hex()
    return {
        "X-Request-ID": request_id,
        "traceparent": f"00-{trace_id}-{os.urandom(8).hex()}-01",
    }
