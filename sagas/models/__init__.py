"""The rows. No behaviour: `sagas.store` and `sagas.tokens` write them, others read them."""

from sagas.models.executions import (
    CHILD_ID_LENGTH,
    LOCK_KEY_LENGTH,
    SAGA_ID_LENGTH,
    SagaEvent,
    SagaExecution,
    SagaLock,
)
from sagas.models.tasks import SagaTask
from sagas.models.tokens import TOKEN_NAME_LENGTH, SagaToken

__all__ = [
    "CHILD_ID_LENGTH",
    "LOCK_KEY_LENGTH",
    "SAGA_ID_LENGTH",
    "TOKEN_NAME_LENGTH",
    "SagaEvent",
    "SagaExecution",
    "SagaLock",
    "SagaTask",
    "SagaToken",
]
