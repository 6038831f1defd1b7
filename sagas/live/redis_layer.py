"""A channel layer for settings.py, which imports this before Django is set up."""

from typing import Any, Final

from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from sagas.broker.urls import for_redis_py

LIMIT: Final = 2
"""Seconds for a connection, and for an answer: pushes only hurry, streams do without."""


def redis_layer(url: str, prefix: str = "sagas.channels") -> dict[str, Any]:
    """What `CHANNEL_LAYERS["default"]` is to be, with the Redis or Valkey at `url`, spelled as
    Celery or redis-py has it.

    Pub/sub, not channels_redis' default layer of queues: a push may be lost here anyway, one
    connection serves a whole process, nothing has to expire, and a subscriber that leaves never
    hangs (redis-py#2028).
    """
    host = {
        "address": for_redis_py(url),
        "socket_timeout": LIMIT,
        "socket_connect_timeout": LIMIT,
        "client_name": "sagas-channels",  # what CLIENT LIST shows
        # One connection serves every socket of a process: by default they would all wait up to ten
        # seconds between two tries to mend it.
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=5),
    }
    return {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [host], "prefix": prefix},
    }
