"""Every key of `SAGAS`, with its default: docs/settings-reference.md is made of it.

python -m sagas.conf.reference
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

PRIVATE_NETWORKS: Final = (
    *("127.0.0.0/8", "::1/128"),  # loopback
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
    "fc00::/7",  # RFC 4193
)

DATABASE_LIMITS: Final = {
    "lock_timeout": "5s",
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "30s",
}
"""The engine's transactions take milliseconds: whatever waits for longer is stuck, and a step must
not outlive its lease in a wait for a lock."""


CONSUL: Final = (
    *("HTTP_ADDR", "HTTP_TOKEN", "DATACENTER", "NAMESPACE", "HTTP_SSL", "HTTP_SSL_VERIFY"),
    *("CACERT", "CAPATH", "CLIENT_CERT", "CLIENT_KEY", "TLS_SERVER_NAME"),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of `SAGAS`. `accepts` says whether a value is a valid one; `expected` describes it."""

    default: Any
    accepts: Callable[[Any], bool]
    expected: str
    help: str


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200


def _is_seconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < float("inf")


def _is_texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(each, str) for item in value.items() for each in item
    )


def _is_consul(value: Any) -> bool:
    return _is_texts(value) and set(value) <= set(CONSUL)


def _is_networks(value: Any) -> bool:
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        return False
    try:
        return all(isinstance(each, str) and ipaddress.ip_network(each) for each in value)
    except ValueError:
        return False


SETTINGS: Final[Mapping[str, Setting]] = {
    "QUEUE": Setting(
        "sagas",
        _is_name,
        "the name of a queue",
        "The Celery queue of steps that ask for none and that `CELERY_TASK_ROUTES` does not "
        "mention. Not Celery's default queue: workers without these apps take from that one, and "
        "drop what they don't know.",
    ),
    "FAST": Setting(
        True,
        lambda value: type(value) is bool,
        "True or False",
        "Whether a worker does many steps at once: their claims and reports in one statement, "
        "their hints in one message, the steps of a saga one after the other for one message "
        "(docs/speed.md). With False each step is a message, a claim and a report, each a "
        "transaction: slower, and easier to follow.",
    ),
    "INLINE_STEPS": Setting(
        100,
        lambda value: type(value) is int and 1 <= value <= 10_000,
        "a whole number from 1 to 10,000",
        "How many steps of a saga a worker runs one after the other for one message. 1 sends a "
        "message for each step.",
    ),
    "INLINE_MS": Setting(
        100,
        lambda value: type(value) is int and 0 <= value <= 60_000,
        "a whole number from 0 to 60,000",
        "For how many milliseconds a worker goes on so, before it sends a message for the rest.",
    ),
    "POOLER": Setting(
        "",
        lambda value: value in ("", "session", "transaction"),
        "empty, `session` or `transaction`",
        "The mode of a PgBouncer between here and PostgreSQL (docs/sessions.md); empty without "
        "one.",
    ),
    "DATABASE_LIMITS": Setting(
        None,
        lambda value: value is None or _is_texts(value),
        "a dict of texts, or None",
        "Settings of PostgreSQL that the engine gives each session itself, where `OPTIONS` can't "
        "(behind a pooler). None is, with `POOLER`, "
        + ", ".join(f"`{name} = {value}`" for name, value in DATABASE_LIMITS.items())
        + "; else nothing.",
    ),
    "EVENTS_URL": Setting(
        None,
        lambda value: value is None or isinstance(value, str),
        "a URL, empty or None",
        "The broker of the event bus. None is Celery's broker if `sagas.bus` is installed; empty "
        "is no event bus.",
    ),
    "EVENTS_EXCHANGE": Setting(
        "sagas.events", _is_name, "the name of an exchange", "The exchange of the event bus."
    ),
    "EVENTS_VISIBILITY_TIMEOUT": Setting(
        300,
        _is_seconds,
        "a number of seconds",
        "On Redis and Valkey alone: after so many seconds they hand out again what a consumer took "
        "and never acknowledged. Longer than any handler takes; the effect is once in any case.",
    ),
    "SERVICE_URLS": Setting(
        {},
        _is_texts,
        "a dict of texts",
        "Without Consul: a service's name → its address, or several with commas between them.",
    ),
    "SERVICE_API_KEYS": Setting(
        {},
        _is_texts,
        "a dict of texts",
        "A service's name → the key that it wants, sent as `Authorization: Bearer`.",
    ),
    "SERVICE_NETWORKS": Setting(
        PRIVATE_NETWORKS,
        _is_networks,
        "a list of networks such as `10.0.0.0/8`",
        "Where services may be: by default private networks and loopback. Whoever can write into "
        "the registry could otherwise send the keys of this process to any address.",
    ),
    "CONSUL": Setting(
        {},
        _is_consul,
        f"a dict of texts with keys among {', '.join(CONSUL)}",
        "The agent that says where services are, by the names of Consul's own variables without "
        "`CONSUL_`. `HTTP_ADDR` is `host:port` or a URL; without it no Consul is used.",
    ),
    "SERVICE_NAME": Setting(
        "sagas", _is_name, "a name", "The name under which this web process registers in Consul."
    ),
    "SERVICE_URL": Setting(
        "",
        _is_text,
        "a URL or empty",
        "`http://host:port` at which others reach this web process; not registered without it.",
    ),
}
