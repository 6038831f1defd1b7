"""The participant's kit: what a Django service needs in order to take part in sagas.

Add `"saga_participant"` to INSTALLED_APPS, migrate, and put
`saga_participant.decorators.idempotent` on views that change something, and `compensates` on those
that undo it. `docs/participant.md` has the details. The kit knows nothing about the engine that
calls, and needs only Django.
"""
