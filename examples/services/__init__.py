"""Five small services that take part in sagas: users, inventory, payments, orders, notifications.

They stand for somebody else's services: one Django project that is run five times, as five
processes with a database each, and that knows nothing of the engine that calls it. What each of
them promises its callers is kept by the participant's kit (`saga_participant`); the rest that they
have in common is in `examples.services.kit`.

Run one with `DATABASE_URL=postgresql://... python -m examples.services payments --port 8003`.
"""

SERVICES = ("users", "inventory", "payments", "orders", "notifications")
