"""Calls to other services: where they are, and a client whose calls are bounded and repeatable."""
