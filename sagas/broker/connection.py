"""Where the bus is, and a connection to it whose every wait has a limit."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self
from urllib.parse import urlsplit

from amqp.exceptions import AMQPError
from celery import current_app
from kombu import Connection, Exchange
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from sagas.broker.urls import for_kombu
from sagas.conf import broker_url, conf

CONNECT_LIMIT: Final = 5.0
"""Seconds for a connection to be there: a broker on the same network takes milliseconds."""

ANSWER_LIMIT: Final = 10.0
"""Seconds for one answer of the broker. Kombu's own polls of Redis take one; longer silence is a
dead connection, or a broker that is out of memory and takes nothing more."""

_AMQP: Final = ("amqp", "amqps", "pyamqp")
_REDIS: Final = ("redis", "rediss", "valkey", "valkeys", "redis+socket", "unix", "sentinel")
SCHEMES: Final = (*_AMQP, *_REDIS)
"""What a URL of the bus may begin with."""

_OF_PLACE: Final = (
    *("global_keyprefix", "master_name", "sentinel_kwargs", "min_other_sentinels", "client_name"),
    *("socket_keepalive", "socket_keepalive_options", "health_check_interval"),
)
"""Of Celery's `broker_transport_options`, those that say where the broker is, and under which keys.
The others say how Celery's messages are taken."""


class BrokerError(Exception):
    """The broker refused, or did not answer in time. Nothing is known to be published."""


BROKER_ERRORS: Final = (BrokerError, KombuError, AMQPError, RedisError, OSError)
"""What a broker that is away, or refuses, looks like."""


@dataclass(frozen=True, slots=True)
class Bus:
    """An exchange at a broker. `visibility` is in seconds: after so long Redis hands out again
    what a consumer took and never acknowledged; RabbitMQ sees that its connection is gone.
    `place` is for Kombu's `transport_options`, where the URL does not say it all; `ssl` is Kombu's.
    """

    url: str
    exchange: str = "sagas.events"
    visibility: float = 300.0
    place: Mapping[str, Any] = field(default_factory=dict, hash=False)
    ssl: Any = field(default=False, hash=False)

    @classmethod
    def from_settings(cls) -> Self | None:
        """None if EVENTS_URL is empty: then there are no events on any bus.

        If it is Celery's broker, it is found as Celery finds it.
        """
        if not conf.EVENTS_URL:
            return None
        bus = cls(conf.EVENTS_URL, conf.EVENTS_EXCHANGE, conf.EVENTS_VISIBILITY_TIMEOUT)
        celery = current_app.conf
        if bus.url != broker_url():
            return bus
        options = celery.broker_transport_options
        place = {name: options[name] for name in _OF_PLACE if name in options}
        return replace(bus, place=place, ssl=celery.broker_use_ssl or False)

    @property
    def is_amqp(self) -> bool:
        """Whether it is RabbitMQ, which confirms and dead-letters by itself."""
        return urlsplit(self.url).scheme in _AMQP

    def connect(self, *, heartbeat: int = 0) -> Connection:
        """A connection that is there. Raises one of `BROKER_ERRORS`.

        Whoever sets `heartbeat`, in seconds (AMQP 0-9-1, 4.2.7), has to call it more often.
        """
        connection = Connection(
            for_kombu(self.url),
            ssl=self.ssl,
            connect_timeout=CONNECT_LIMIT,
            heartbeat=heartbeat if self.is_amqp else 0,
            transport_options=self._options(),
        )
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=CONNECT_LIMIT)
        except BaseException:
            connection.release()
            raise
        return connection

    def topic(self, name: str = "") -> Exchange:
        """The exchange, or another one at the same broker."""
        return Exchange(name or self.exchange, type="topic", durable=True)

    def _options(self) -> dict[str, Any]:
        if self.is_amqp:
            return {"read_timeout": ANSWER_LIMIT, "write_timeout": ANSWER_LIMIT}
        return {
            **self.place,
            "socket_connect_timeout": CONNECT_LIMIT,
            "socket_timeout": ANSWER_LIMIT,
            "visibility_timeout": self.visibility,
            # Apart from Celery's: of all that share these keys, the shortest timeout wins, and
            # Celery's must be longer than any lease.
            "unacked_key": f"{self.exchange}.unacked",
            "unacked_index_key": f"{self.exchange}.unacked_index",
            "unacked_mutex_key": f"{self.exchange}.unacked_mutex",
        }


class End:
    """One end of the bus: one connection, kept, for one thread. After an error it is of no use any
    more. `with` closes it."""

    def __init__(self, bus: Bus, *, heartbeat: int = 0) -> None:
        self._bus = bus
        self._connection = bus.connect(heartbeat=heartbeat)
        try:
            self._open(self._connection.channel())
        except BaseException:
            self.close()
            raise

    def _open(self, channel: Any) -> None:
        """Makes of the channel what this end needs."""
        raise NotImplementedError

    def close(self) -> None:
        """Never raises: a broker that is away has closed it already. On Redis, what was taken and
        not acknowledged goes back at once."""
        with contextlib.suppress(Exception):
            self._connection.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
