"""Sagas on Celery and PostgreSQL: what an app's `sagas.py` imports.

The engine itself is `sagas.engine`; it needs Django to be set up, so it is not imported here.
"""

from sagas.machine import (
    Context,
    DefinitionError,
    ForEach,
    InvalidInput,
    Later,
    Parallel,
    Pivot,
    Rejected,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    Unreachable,
    WaitFor,
)

__all__ = [
    "Context",
    "DefinitionError",
    "ForEach",
    "InvalidInput",
    "Later",
    "Parallel",
    "Pivot",
    "Rejected",
    "Retry",
    "Saga",
    "SagaStep",
    "Sleep",
    "SubSaga",
    "Unreachable",
    "WaitFor",
]
