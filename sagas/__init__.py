"""Sagas on Celery and PostgreSQL: what an app's `sagas.py` imports.

The engine itself is `sagas.engine`; it needs Django to be set up, so it is not imported here.
"""

from sagas.machine import (
    DefinitionError,
    InvalidInput,
    Parallel,
    Rejected,
    Retry,
    Saga,
    SagaStep,
    Unreachable,
)

__all__ = [
    "DefinitionError",
    "InvalidInput",
    "Parallel",
    "Rejected",
    "Retry",
    "Saga",
    "SagaStep",
    "Unreachable",
]
