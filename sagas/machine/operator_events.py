"""What people have done to a whole execution; `events` has all the others."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sagas.machine.states import statically_frozen


@statically_frozen(frozen=True, slots=True, kw_only=True)
class _ByPerson:
    by: str
    reason: str


@statically_frozen(frozen=True, slots=True, kw_only=True)
class SagaCancelled(_ByPerson):
    type: ClassVar = "saga.cancelled"


@statically_frozen(frozen=True, slots=True, kw_only=True)
class SagaPaused(_ByPerson):
    type: ClassVar = "saga.paused"


@statically_frozen(frozen=True, slots=True, kw_only=True)
class SagaResumed(_ByPerson):
    type: ClassVar = "saga.resumed"


@statically_frozen(frozen=True, slots=True, kw_only=True)
class SagaAmended(_ByPerson):
    type: ClassVar = "saga.amended"
    changes: Mapping[str, Any]


@statically_frozen(frozen=True, slots=True, kw_only=True)
class SagaAdopted(_ByPerson):
    """It goes on with the definition of `version` whose structure has that `digest`; `leave` are
    steps that nobody undoes any more."""

    type: ClassVar = "saga.adopted"
    version: int
    digest: str
    leave: tuple[str, ...] = ()
