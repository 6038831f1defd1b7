"""Which addresses a client may connect to, and the connection to exactly the address that was
checked.

A registry is told by many what their address is. One that said 169.254.169.254 would be handed
the bearer key of a service, and hand out the cloud's secrets (SSRF). A name is resolved here once
for each connection, so what is connected to is what was checked: a second look-up could give
another address (DNS rebinding).
"""

import ipaddress
import socket
import sys
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from sagas.conf import conf

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NEVER: Final[tuple[Network, ...]] = tuple(
    map(
        ipaddress.ip_network,
        (
            "169.254.0.0/16",  # link-local, RFC 3927; the metadata service of most clouds
            "fe80::/10",  # link-local, RFC 4291
            "fd00:ec2::254/128",  # metadata of AWS over IPv6
            "fd20:ce::254/128",  # metadata of Google Cloud over IPv6
            "100.100.100.200/32",  # metadata of Alibaba Cloud
            "192.0.0.192/32",  # metadata of Oracle Cloud
            "168.63.129.16/32",  # the host agent of Azure
            "0.0.0.0/8",  # "this host", RFC 1122: reaches loopback by another name
            "::/128",
        ),
    )
)
"""Refused whatever SERVICE_NETWORKS says: no service lives there, and what does gives secrets.
Neither does an IPv6 address by which one of them is reached."""

ENDS_IN_IPV4: Final[tuple[Network, ...]] = tuple(
    map(
        ipaddress.ip_network,
        (
            "::/96",  # IPv4-compatible, RFC 4291
            "::ffff:0:0:0/96",  # IPv4-translated, RFC 7915
            "64:ff9b::/96",  # NAT64, RFC 6052
        ),
    )
)

LOCAL_NAT64: Final = ipaddress.ip_network("64:ff9b:1::/48")
"""RFC 8215. Where the IPv4 address stands in it depends on the gateway (RFC 6052, 2.2)."""


class Forbidden(NewConnectionError):
    """An address that no service may have. Nothing was connected to."""


def is_allowed(address: str) -> bool:
    """Whether a service may have this IP address, by SERVICE_NETWORKS and `NEVER`."""
    return _is_allowed(address, tuple(conf.SERVICE_NETWORKS))


@lru_cache(maxsize=1024)
def _is_allowed(address: str, allowed: tuple[str, ...]) -> bool:
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped  # ::ffff:169.254.169.254 reaches the same host
    if any(each.is_multicast or _is_never(each) for each in (found, *_reached(found))):
        return False
    return any(found in ipaddress.ip_network(network) for network in allowed)


def _is_never(found: Address) -> bool:
    return any(found in network for network in NEVER)


def _reached(found: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 hosts that an IPv6 address may lead to, by a gateway or a tunnel on the way. Of a
    NAT64 of one's own under another prefix nothing is known: keep that out of SERVICE_NETWORKS."""
    if isinstance(found, ipaddress.IPv4Address) or found.is_loopback:
        return
    packed = found.packed
    last, is_isatap = packed[12:], packed[8:12] in (b"\0\0\x5e\xfe", b"\2\0\x5e\xfe")
    if is_isatap or any(found in network for network in ENDS_IN_IPV4):
        yield ipaddress.IPv4Address(last)
    if found.sixtofour:
        yield found.sixtofour
    yield from found.teredo or ()
    if found in LOCAL_NAT64:
        for places in ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15)):
            within = ipaddress.IPv4Address(bytes(packed[place] for place in places))
            if int(within) >> 24:  # else it stands at another of the places
                yield within


class _Checked(HTTPConnection):
    """Connects to an allowed address only. Everything above it, TLS and the Host header, still
    has the name."""

    def _new_conn(self) -> socket.socket:
        """A connected socket. Raises what urllib3's own does, and `Forbidden`."""
        addresses = self._addresses()
        timeout = self.timeout if isinstance(self.timeout, int | float) else None
        deadline = None if timeout is None else time.monotonic() + timeout
        for left, address in reversed(list(enumerate(reversed(addresses)))):
            try:
                remaining = None if deadline is None else max(deadline - time.monotonic(), 0.001)
                made = create_connection(
                    (address, self.port), remaining, socket_options=self.socket_options
                )
            except OSError as error:
                if left:
                    continue
                if isinstance(error, TimeoutError):
                    raise ConnectTimeoutError(self, f"no connection in {timeout} s") from error
                raise NewConnectionError(self, f"no connection: {error}") from error
            sys.audit("http.client.connect", self, self.host, self.port)
            return made
        raise Forbidden(self, "resolved to no address at all")

    def _addresses(self) -> list[str]:
        """The allowed addresses of the host, at least one."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except UnicodeError as error:  # a label of over 63 bytes
            raise NewConnectionError(self, f"{self.host!r} is not a host name") from error
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        allowed = [address for address in addresses if is_allowed(address)]
        if not allowed:
            raise Forbidden(
                self,
                f"{self.host} is {', '.join(addresses)}, which is in no allowed network; if it is "
                "intended, add its network to SERVICE_NETWORKS",
            )
        return allowed


class _CheckedTLS(_Checked, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Checked


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedTLS


class CheckedAdapter(HTTPAdapter):
    """Mount it, and a session connects to checked addresses only."""

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: object
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
