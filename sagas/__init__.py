"""Sagas on Celery and PostgreSQL: the names that an app's `sagas.py` imports.

The engine itself is `sagas.engine`. It needs Django to be set up, so it is not imported here.
"""

from sagas.lasting import lasting_tasks
from sagas.machine import (
    Between,
    Choice,
    Context,
    DefinitionError,
    FirstOf,
    ForEach,
    InvalidInput,
    Later,
    Login,
    Parallel,
    Pivot,
    Poll,
    Present,
    Rejected,
    Remind,
    Repeat,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    Unreachable,
    WaitFor,
)

__all__ = [
    "Between",
    "Choice",
    "Context",
    "DefinitionError",
    "FirstOf",
    "ForEach",
    "InvalidInput",
    "Later",
    "Login",
    "Parallel",
    "Pivot",
    "Poll",
    "Present",
    "Rejected",
    "Remind",
    "Repeat",
    "Retry",
    "Saga",
    "SagaStep",
    "Sleep",
    "SubSaga",
    "Unreachable",
    "WaitFor",
    "lasting_tasks",
]
