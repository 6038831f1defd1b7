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


def _is_needed(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(each, str) for each in value)
    return type(value) is bool


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
        "The Celery queue of steps that name no queue and that `CELERY_TASK_ROUTES` does not "
        "mention. It is not Celery's default queue, because workers without these apps consume "
        "that one and drop tasks that they don't know.",
    ),
    "FAST": Setting(
        True,
        lambda value: type(value) is bool,
        "True or False",
        "Whether a worker processes many steps together: claims and reports share statements, "
        "hints share messages, and one message runs several steps of a saga (docs/speed.md). With "
        "False, each step is a message, a claim and a report, each in its own transaction. This is "
        "slower, but easier to follow.",
    ),
    "INLINE_STEPS": Setting(
        100,
        lambda value: type(value) is int and 1 <= value <= 10_000,
        "a whole number from 1 to 10,000",
        "How many steps of a saga a worker runs one after the other for one message. With 1, each "
        "step gets its own message.",
    ),
    "INLINE_MS": Setting(
        100,
        lambda value: type(value) is int and 0 <= value <= 60_000,
        "a whole number from 0 to 60,000",
        "For how many milliseconds a worker runs steps for one message, before it sends a message "
        "for the rest.",
    ),
    "POOLER": Setting(
        "",
        lambda value: value in ("", "session", "transaction"),
        "empty, `session` or `transaction`",
        "The mode of the PgBouncer in front of PostgreSQL (docs/sessions.md). Empty if there is "
        "none.",
    ),
    "DATABASE_LIMITS": Setting(
        None,
        lambda value: value is None or _is_texts(value),
        "a dict of strings, or None",
        "PostgreSQL settings that the engine sets in each session, for use behind a pooler, where "
        "`OPTIONS` can't set them. With `POOLER`, None means "
        + ", ".join(f"`{name} = {value}`" for name, value in DATABASE_LIMITS.items())
        + ". Without `POOLER`, it means no settings.",
    ),
    "ACCESS_POLICY": Setting(
        "sagas.access.Policy",
        _is_name,
        "the dotted path of a class that inherits from `sagas.access.Policy`",
        "Who may see, start, signal, operate and administer sagas (docs/security.md). The default "
        "asks Django's permissions.",
    ),
    "START_NEEDS_PERMISSION": Setting(
        False,
        _is_needed,
        "True, False or a list of types of sagas",
        "Which sagas can be started over HTTP only with the permission to start them: all of them, "
        "none, or those of the listed types (docs/security.md). Without it, everybody who is "
        "logged in may start them.",
    ),
    "EVENTS_URL": Setting(
        None,
        lambda value: value is None or isinstance(value, str),
        "a URL, empty or None",
        "The broker of the event bus. None means Celery's broker if `sagas.bus` is installed. If "
        "empty, there is no event bus.",
    ),
    "EVENTS_EXCHANGE": Setting(
        "sagas.events", _is_name, "the name of an exchange", "The exchange of the event bus."
    ),
    "EVENTS_VISIBILITY_TIMEOUT": Setting(
        300,
        _is_seconds,
        "a number of seconds",
        "On Redis and Valkey only: a message that a consumer took and did not acknowledge is "
        "delivered again after this many seconds. Use more than any handler takes. Even if a "
        "message is delivered twice, it takes effect once.",
    ),
    "SERVICE_URLS": Setting(
        {},
        _is_texts,
        "a dict of strings",
        "Without Consul: a service's name → its address, or several separated by commas.",
    ),
    "SERVICE_API_KEYS": Setting(
        {},
        _is_texts,
        "a dict of strings",
        "A service's name → its API key, sent as `Authorization: Bearer`.",
    ),
    "SERVICE_NETWORKS": Setting(
        PRIVATE_NETWORKS,
        _is_networks,
        "a list of networks such as `10.0.0.0/8`",
        "The networks in which services may be. The default is private networks and loopback. "
        "Without this limit, anyone who can write to the registry could send the keys of this "
        "process to any address.",
    ),
    "CONSUL": Setting(
        {},
        _is_consul,
        f"a dict of strings with keys among {', '.join(CONSUL)}",
        "The Consul agent that locates services. The keys are Consul's environment variables "
        "without the prefix `CONSUL_`. `HTTP_ADDR` is `host:port` or a URL; without it, Consul is "
        "not used.",
    ),
    "SERVICE_NAME": Setting(
        "sagas", _is_name, "a name", "The name under which this web process registers in Consul."
    ),
    "SERVICE_URL": Setting(
        "",
        _is_text,
        "a URL or empty",
        "The `http://host:port` at which others reach this web process. Without it, the process is "
        "not registered.",
    ),
}
