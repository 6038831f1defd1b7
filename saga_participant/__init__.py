"""The participant's kit: what a Django service needs to take part in sagas of somebody else's.

Add `"saga_participant"` to INSTALLED_APPS, migrate, and put
`saga_participant.decorators.idempotent` on views that change something, `compensates` on those that
undo it. `docs/participant.md` tells the rest. It knows nothing of the engine that calls, and needs
nothing but Django.
"""
