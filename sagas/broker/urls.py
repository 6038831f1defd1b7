"""The address of a Redis or Valkey in the spelling that a library reads.

Kombu (Celery's broker, the event bus) and redis-py (Django's cache, the channel layer) spell one
place differently:

==================  ==================================  ===================================
.                   Kombu                               redis-py
==================  ==================================  ===================================
TCP                 ``redis://host:6379/1``             the same
TLS                 ``rediss://host?ssl_cert_reqs=…``   the same, but `none` alone, and never
                                                        ``CERT_NONE``
Unix socket         ``redis+socket:///path``            ``unix:///path``
database of it      ``?virtual_host=1``                 ``?db=1``
Sentinel            ``sentinel://host:26379;…``         not by a URL
Valkey              never by its own name               never by its own name
==================  ==================================  ===================================
"""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

_TCP: Final = {"redis": "redis", "valkey": "redis", "rediss": "rediss", "valkeys": "rediss"}
_SOCKETS: Final = ("redis+socket", "valkey+socket", "unix", "redis+unix")


def for_kombu(url: str) -> str:
    """`url` as Kombu reads it; several with semicolons between them, too. What is no Redis is given
    back as it is.

    TLS without ``ssl_cert_reqs`` checks the certificate, as redis-py does. Kombu would not.
    """
    return ";".join(map(_one_for_kombu, url.split(";")))


def for_redis_py(url: str) -> str:
    """`url` as redis-py reads it, if it can be said there; else as it is."""
    scheme, rest, query = _parts(url)
    if scheme in _SOCKETS:
        return _joined("unix", rest, _renamed(query, "virtual_host", "db"))
    return _joined(_TCP[scheme], rest, query) if scheme in _TCP else url


def _one_for_kombu(url: str) -> str:
    scheme, rest, query = _parts(url)
    if scheme in _SOCKETS:
        return _joined("redis+socket", rest, _renamed(query, "db", "virtual_host"))
    if scheme not in _TCP:
        return url
    if "db" in query:
        host, _, path = rest.partition("/")
        db = query.pop("db")
        rest = f"{host}/{path or db}"
    if _TCP[scheme] == "rediss":
        query.setdefault("ssl_cert_reqs", "required")
    return _joined(_TCP[scheme], rest, query)


def _parts(url: str) -> tuple[str, str, dict[str, str]]:
    """Scheme, what follows it, and the query, in which the libraries' words are the same."""
    scheme, separator, rest = url.strip().partition("://")
    rest, _, asked = rest.partition("?")
    query = dict(parse_qsl(asked, keep_blank_values=True)) if separator else {}
    if checked := query.get("ssl_cert_reqs"):
        query["ssl_cert_reqs"] = checked.lower().removeprefix("cert_")
    return scheme.lower(), rest, query


def _renamed(query: dict[str, str], old: str, new: str) -> dict[str, str]:
    return {new if name == old else name: value for name, value in query.items()}


def _joined(scheme: str, rest: str, query: dict[str, str]) -> str:
    return f"{scheme}://{rest}{'?' if query else ''}{urlencode(query, safe='/')}"


def without_password(url: str) -> str:
    """As it may be shown."""
    return ";".join(map(_one_without_password, url.split(";")))


def _one_without_password(url: str) -> str:
    before, at, host = url.rpartition("@")
    if not at or not (parts := urlsplit(before)).scheme:
        return url
    return f"{parts.scheme}://…@{host}"
