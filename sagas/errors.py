"""What the engine refuses, and why. Each port maps these errors to its own in one table.

::

    SagaError
    ├── UnknownSaga        no definition of that type (and version) is in this process
    ├── BadInput           the context or the saga_id can't be used; `fields` says where
    ├── Conflict           the saga_id belongs to another execution
    │   └── LockHeld       another execution holds a lock that this one may not wait for
    ├── OperationRefused   the operation makes no sense in the current state
    └── NoSuchExecution    no execution has that saga_id
"""

from collections.abc import Mapping


class SagaError(Exception):
    """Anything that the engine refuses. Nothing was changed.

    `fields` maps the path of each field at fault, if it is known, to a sentence about it.
    """

    fields: Mapping[str, str] = {}
    more: int = 0
    """How many more fields are at fault."""


class UnknownSaga(SagaError):
    """No definition of that type, or of that version of it, is known to this process."""


class BadInput(SagaError):
    """The given fields can't be used; nothing else is wrong. `more` is the number of further
    invalid fields."""

    def __init__(self, fields: Mapping[str, str], more: int = 0) -> None:
        super().__init__("; ".join(f"{name}: {message}" for name, message in fields.items()))
        self.fields = dict(fields)
        self.more = more


class Conflict(SagaError):
    """The saga_id is taken by an execution of another type, input or owner (S11). For many starts,
    `fields` names each one with a conflict."""

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class LockHeld(Conflict):
    """Another execution holds a lock, and the definition says not to wait for it."""


class OperationRefused(SagaError):
    """An operator's action or a signal that makes no sense in the current state; the text says
    why."""


class NoSuchExecution(SagaError):
    """No execution has that saga_id, or the caller may not see it."""


class TransactionLeftOpen(Exception):
    """An action returned while a transaction was still open on its database connection. It was
    rolled back, so the attempt has failed; any other effect of the action may have happened."""

    def __init__(self, how: str) -> None:
        super().__init__(
            f"The action left the database connection {how}. What it did there was rolled back. "
            f"End what it begins, best by `with transaction.atomic():`."
        )
