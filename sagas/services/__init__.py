"""Calls to other services: where they are, and clients whose calls are limited and can be
repeated."""
