"""What `DATABASES` is made of: the URL with all that it says, and what the engine's needs add."""

import re
from typing import Any, Final
from urllib.parse import unquote

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from sagas.conf.reference import DATABASE_LIMITS

POOLERS: Final = ("", "session", "transaction")

_HOSTS: Final = re.compile(
    r"(?P<before>\w+://(?:[^@/?]*@)?)(?P<hosts>[^/?@]*,[^/?@]*)(?P<after>.*)"
)


def database(url: str, *, pool_size: int = 0, pooler: str = "") -> dict[str, Any]:
    """The settings of a database. What the query of `url` says goes before what is said here, and
    its `options` after: PostgreSQL takes the last word.

    A `pooler` refuses the start-up parameter `options`: behind one the engine says its limits
    itself (`sagas.conf`). Raises `ImproperlyConfigured`.
    """
    if pooler not in POOLERS:
        raise ImproperlyConfigured(
            f"DATABASE_POOLER is {pooler!r}: leave it empty, or write session or transaction, the "
            f"mode of the PgBouncer between here and PostgreSQL."
        )
    found = _parsed(url)
    if "postgresql" not in found["ENGINE"]:
        raise ImproperlyConfigured(
            "DATABASE_URL is not a PostgreSQL URL: the engine needs PostgreSQL."
        )
    given = found.get("OPTIONS", {})
    limits = (
        "" if pooler else " ".join(f"-c {name}={value}" for name, value in DATABASE_LIMITS.items())
    )
    options = f"{limits} {given.get('options', '')}".strip()
    found["OPTIONS"] = {"connect_timeout": 5, **given}  # seconds
    if options:
        found["OPTIONS"]["options"] = options
    if pool_size:
        found["OPTIONS"]["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    # Kept for ever without a pool; a pool keeps them itself, and takes them back after a request.
    found |= {"CONN_MAX_AGE": 0 if pool_size else None, "CONN_HEALTH_CHECKS": True}
    if pooler == "transaction":
        found["DISABLE_SERVER_SIDE_CURSORS"] = True  # they belong to a session
    return found


def _parsed(url: str) -> dict[str, Any]:
    """Several hosts, too, as libpq takes them: `postgresql://user@one:5432,two:5433/name`."""
    several = _HOSTS.fullmatch(url)
    if several is None:
        return dict(dj_database_url.parse(url))
    hosts, ports = [], []
    for each in several["hosts"].split(","):
        host, _, port = each.rpartition(":") if re.search(r":\d*$", each) else (each, "", "")
        hosts.append(unquote(host.strip("[]")))
        ports.append(port)
    found = dict(dj_database_url.parse(f"{several['before']}localhost{several['after']}"))
    return found | {"HOST": ",".join(hosts), "PORT": ",".join(ports) if any(ports) else ""}
