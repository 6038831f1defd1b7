"""The registry of those who run Consul."""

import ipaddress
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import consul
import requests

from sagas.services.registry.instances import (
    Check,
    HttpCheck,
    Instance,
    RegistryError,
    ServiceRegistry,
)
from sagas.services.registry.tls import NO_TLS, Tls
from sagas.services.registry.watch import WAIT_SECONDS, Watch

ANSWER_SECONDS: Final = 5.0
"""The wait for an answer of Consul's, beside what a blocking query may take: it stands on the same
machine or in the next rack."""

NAME: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?")
"""What an address in Consul may look like that is no IP address. It goes into a URL, and anybody
who may register can write anything there."""

PORT: Final = 8500
"""An agent's own. An address with http:// and without a port means it, too: agents speak plain HTTP
nowhere else. With TLS it is 443, as in any URL: what stands there is mostly a proxy."""

logger = logging.getLogger(__name__)


class ConsulRegistry(ServiceRegistry):
    """Consul's agent at `address`, `host:port` or a URL, of which `token` is an ACL token.
    `namespace` is one of Consul Enterprise's.

    It has a thread for each service that was asked for, made at the first question: make a registry
    after a fork, not before. Raises ValueError for an address that is none, and for files of
    `tls` that are not there.
    """

    def __init__(
        self,
        address: str,
        token: str = "",
        datacenter: str = "",
        *,
        namespace: str = "",
        tls: Tls = NO_TLS,
    ) -> None:
        scheme, host, port = _parts(address, tls)
        self._address = f"{scheme}://{host}:{port}"
        self._place = {"host": host, "port": port, "scheme": scheme}
        self._token = token
        self._datacenter = datacenter
        self._namespace, self._tls = namespace, tls
        self._agent = self._connect()
        self._agent_lock = threading.Lock()
        self._watches: dict[tuple[str, tuple[str, ...]], Watch] = {}
        self._lock = threading.Lock()

    def instances(self, service: str, tags: Sequence[str] = ()) -> Sequence[Instance]:
        """See `ServiceRegistry`. Costs a look into memory, but for the first time."""
        return self.watch(service, tags).instances()

    def watch(self, service: str, tags: Sequence[str] = ()) -> Watch:
        """The one watch of this service in this registry."""
        key = service, tuple(tags)
        found = self._watches.get(key)
        if found is None:
            with self._lock:
                found = self._watches.get(key)
                if found is None:
                    found = self._watches[key] = Watch(service, self._question(*key))
        return found

    def register(
        self,
        service: str,
        address: str,
        port: int,
        check: Check,
        *,
        id: str = "",
        tags: Sequence[str] = (),
        deregister_after: float = 60.0,
    ) -> str:
        """See `ServiceRegistry`. Consul takes no `deregister_after` below a minute."""
        id = id or f"{service}-{address}-{port}"
        with self._agent_lock, self._asking():
            self._agent.agent.service.register(
                service,
                service_id=id,
                address=address,
                port=port,
                tags=list(tags),
                check=_check(check, deregister_after),
                replace_existing_checks=True,
            )
        return id

    def beat(self, id: str) -> None:
        with self._agent_lock, self._asking():
            if not self._agent.agent.check.ttl_pass(f"service:{id}"):
                raise RegistryError(f"Consul knows no {id}: register it first")

    def deregister(self, id: str) -> None:
        with self._agent_lock, self._asking():
            self._agent.agent.service.deregister(id)

    def close(self) -> None:
        """Ends the threads."""
        for watch in self._watches.values():
            watch.close()

    def _connect(self) -> Any:
        """A client of its own for each thread: a `requests.Session` is not made for two."""
        made = consul.Consul(**self._place, connections_timeout=ANSWER_SECONDS, verify=True)
        self._tls.prepare(made.http)
        if self._namespace:
            made.http.session.headers["X-Consul-Namespace"] = self._namespace
        made.token = self._token  # by itself it takes that of the environment
        made.dc = self._datacenter or None
        made.http.session.trust_env = False  # no proxies: what asks the agent asks this very one
        return made

    def _question(self, service: str, tags: tuple[str, ...]) -> Callable[..., Any]:
        agent = self._connect()

        def ask(index: str | None) -> tuple[int, list[Instance]]:
            with self._asking():
                newer, entries = agent.health.service(
                    service, passing=True, tag=list(tags), index=index, wait=f"{WAIT_SECONDS}s"
                )
                return int(newer), list(_instances(entries or []))

        return ask

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except consul.ACLPermissionDenied as error:
            raise RegistryError(
                f"Consul at {self._address} refuses the token ({error}): check CONSUL_HTTP_TOKEN "
                f"and its policy"
            ) from error
        except RegistryError:
            raise
        except Exception as error:  # of whatever kind: a watch that ended would look to nobody
            raise RegistryError(
                f"Consul at {self._address} does not answer correctly ({type(error).__name__}: "
                f"{error}): check that it runs there{_tls_hint(error)}"
            ) from error


def _tls_hint(error: Exception) -> str:
    if not isinstance(error, requests.exceptions.SSLError):
        return ""
    return (
        ", that CONSUL_CACERT or CONSUL_CAPATH names its authority, CONSUL_TLS_SERVER_NAME the "
        "name in its certificate, and CONSUL_CLIENT_CERT the certificate that it asks for"
    )


def _parts(address: str, tls: Tls) -> tuple[str, str, int]:
    host: str | None
    scheme, separator, _ = address.partition("://")
    if not separator:
        scheme, address = "http", f"http://{_bracketed(address)}"
    parts = urlsplit(address)
    if tls.is_wanted and scheme == "http":
        scheme = "https"
    try:
        host, port = parts.hostname, parts.port or (443 if scheme == "https" else PORT)
    except ValueError:
        host = None
    if scheme not in ("http", "https") or not host or parts.path.strip("/"):
        raise ValueError(
            f"CONSUL_HTTP_ADDR is {address!r}: use host:port, http://host:port or "
            "https://host:port."
        )
    return scheme, _bracketed(host), port


def _bracketed(host: str) -> str:
    """As it stands in a URL."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host
    return f"[{found}]" if found.version == 6 else str(found)


def _host(address: str) -> str | None:
    """An address in Consul as it stands in a URL; None for what is no address."""
    bare = address[1:-1] if address[:1] == "[" and address[-1:] == "]" else address
    host = _bracketed(bare)
    if host == bare:
        return host if NAME.fullmatch(host) else None
    return None if "%" in host else host  # a zone is the other machine's own (RFC 4007)


def _check(check: Check, deregister_after: float) -> dict[str, str]:
    kind = (
        {"http": check.url, "interval": f"{check.interval}s", "timeout": f"{check.timeout}s"}
        if isinstance(check, HttpCheck)
        else {"ttl": f"{check.ttl}s"}
    )
    return {**kind, "DeregisterCriticalServiceAfter": f"{deregister_after}s"}


def _instances(entries: Sequence[Mapping[str, Any]]) -> Iterator[Instance]:
    """Those that have a usable address. Their `scheme` in the service's metadata may be https."""
    for entry in entries:
        service = entry["Service"]
        address, port = service["Address"] or entry["Node"]["Address"], service["Port"]
        host = _host(address)
        if host is None or not 0 < port < 65536:
            logger.warning(
                "Consul has no usable address of %s: %r, %r. The address has to be a name or an IP "
                "address without a port, and the port a separate number.",
                *(service["ID"], address[:300], port),
            )
            continue
        scheme = "https" if (service.get("Meta") or {}).get("scheme") == "https" else "http"
        yield Instance(service["ID"], f"{scheme}://{host}:{port}")
