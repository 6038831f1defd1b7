"""Nothing that somebody's data holds leads a call elsewhere, or makes it say something else."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import pytest

from sagas.conf import conf
from sagas.machine import FailureKind
from sagas.machine.failures import classify
from sagas.models import CHILD_ID_LENGTH
from sagas.services import networks
from sagas.services.errors import ServiceRejected, ServiceUnreachable
from tests.configured import configure
from tests.services.conftest import Things
from tests.services.peers import Peer, http

METADATA = (
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
)

REACHES_IT = (
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::169.254.169.254",
    "64:ff9b::6464:64c8",  # 100.100.100.200
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:77::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",  # RFC 6052 with a prefix of 48 bits
    "64:ff9b:1:aaa9:fe:a9fe::",  # of 56
    "64:ff9b:1:aaaa:a9:fea9:fe00:0",  # of 64
    "2002:a9fe:a9fe::1",  # 6to4
    "2002:a9fe:a9fe:1::",
    "::ffff:0:a9fe:a9fe",  # IPv4-translated
    "::a9fe:a9fe",  # IPv4-compatible
    "2001:0:a9fe:a9fe::",  # Teredo: the server
    "2001::5601:5601",  # Teredo: the client, each bit turned
    "fd00::5efe:a9fe:a9fe",  # ISATAP
    "fd00::200:5efe:a9fe:a9fe",
    "2002:0:1::",  # 0.0.0.1
)
"""The metadata service by a gateway or a tunnel."""


@pytest.mark.parametrize(
    "address", [*METADATA, *REACHES_IT, "169.254.1.1", "fe80::1", "0.0.0.0", "::", "224.0.0.1"]
)
@pytest.mark.parametrize("allowed", [None, ["0.0.0.0/0", "::/0"]])
def test_where_no_service_may_be_whatever_the_settings_say(
    settings: Any, address: str, allowed: list[str] | None
) -> None:
    configure(settings, SERVICE_NETWORKS=allowed or conf.SERVICE_NETWORKS)
    assert not networks.is_allowed(address)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("172.31.0.1", True),
        ("192.168.1.1", True),
        ("fd12::1", True),
        ("::ffff:10.0.0.1", True),
        ("172.32.0.1", False),
        ("8.8.8.8", False),
        ("2001:db8::1", False),
        ("64:ff9b::a9fe:a9fe", False),  # 169.254.169.254 behind a NAT64 gateway
    ],
)
def test_private_networks_and_loopback_by_default(address: str, allowed: bool) -> None:
    assert networks.is_allowed(address) is allowed


@pytest.mark.parametrize(
    "address",
    ["64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "2002:a00:1::1", "2001:db8::1", "::ffff:10.0.0.1"],
)
def test_another_host_behind_a_gateway_may_be_allowed(settings: Any, address: str) -> None:
    configure(settings, SERVICE_NETWORKS=["::/0", "0.0.0.0/0"])
    assert networks.is_allowed(address)


def test_the_networks_are_a_setting(settings: Any) -> None:
    configure(settings, SERVICE_NETWORKS=["203.0.113.0/24"])
    assert networks.is_allowed("203.0.113.9")
    assert not networks.is_allowed("127.0.0.1")


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "8.8.8.8", "2852039166"])
def test_a_forbidden_address_is_not_connected_to(
    settings: Any, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setattr(networks, "create_connection", lambda *_, **__: pytest.fail("connected"))
    configure(settings, SERVICE_URLS={"things": f"http://{host}"})
    with pytest.raises(ServiceUnreachable, match="SERVICE_NETWORKS") as refused:
        Things().get("/things")
    assert classify(refused.value) is FailureKind.UNREACHABLE


def test_a_name_is_resolved_once_and_connected_to_as_checked(
    peer: Callable[..., Peer], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer would lead to the metadata service."""
    service = peer()
    answers = ["127.0.0.1", "169.254.169.254"]
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, *rest: Any, **options: Any) -> Any:
        if host != "things.internal":
            ipaddress.ip_address(host)  # whatever else is looked up is an address already
            return real(host, *rest, **options)
        asked.append(host)
        return real(answers[len(asked) - 1], *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    configure(settings, SERVICE_URLS={"things": f"http://things.internal:{service.port}"})
    assert Things().get("/things") == {}
    assert asked == ["things.internal"]
    assert service.headers()["host"] == f"things.internal:{service.port}"
    service.answer = http(200, b'{"a": 1}')
    assert Things().get("/things") == {"a": 1}  # over the connection that there is


def test_only_the_allowed_addresses_of_a_name_are_tried(
    peer: Callable[..., Peer], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = peer()
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *rest: Any, **options: Any) -> Any:
        if host != "things.internal":
            assert host == "127.0.0.1", "what is forbidden must not be tried"
            return real(host, port, *rest, **options)
        return [info for each in ("8.8.8.8", "127.0.0.1") for info in real(each, port, *rest)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    configure(settings, SERVICE_URLS={"things": f"http://things.internal:{service.port}"})
    assert Things().get("/things") == {}


BAD_SEGMENTS = [
    "",
    ".",
    "..",
    "a/b",
    "../x",
    "a\\b",
    "a\r\nb",
    "a\nHost: x",
    "a\x00",
    "\x7f",
    "\ud800",
]


@pytest.mark.parametrize("value", BAD_SEGMENTS)
def test_a_segment_cannot_name_another_path(peer: Callable[..., Peer], value: str) -> None:
    service = peer()
    with pytest.raises(ServiceRejected, match="part of a path") as refused:
        Things().get("/things/{}/parts", value)
    assert classify(refused.value) is FailureKind.REJECTED
    assert not service.connections


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("a?b=c", "a%3Fb%3Dc"),
        ("a#b", "a%23b"),
        ("a b", "a%20b"),
        ("%2e%2e", "%252e%252e"),
        ("..;a", "..%3Ba"),
        ("a..b", "a..b"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("http:", "http%3A"),
    ],
)
def test_whatever_else_is_one_segment(peer: Callable[..., Peer], value: str, sent: str) -> None:
    service = peer()
    Things().get("/things/{}", value)
    assert service.target() == f"GET /things/{sent}"


@pytest.mark.parametrize(
    "path",
    ["", "things", "//evil", "/a//b", "/a/../b", "/a/..", "/./a", "/a?b", "/a#b", "/a%2e%2e",
     "/a\r\nX: y", "/ä", "/a b", "http://evil/", "/{}/{}", "@evil"],
)  # fmt: skip
def test_a_path_out_of_data_is_refused(peer: Callable[..., Peer], path: str) -> None:
    service = peer()
    with pytest.raises(ServiceRejected):
        Things().get(path, "only one segment")
    assert not service.connections


@pytest.mark.parametrize("key", ["a\r\nX-Evil: 1", "a\nb", "ä", "a b", "k" * 401, "\x00"])
def test_a_key_cannot_be_another_header(peer: Callable[..., Peer], key: str) -> None:
    service = peer()
    with pytest.raises(ServiceRejected, match="Idempotency-Key"):
        Things().post("/things", body={}, key=key)
    assert not service.connections


def test_a_query_cannot_be_another_one(peer: Callable[..., Peer]) -> None:
    service = peer()
    Things().get("/things", query={"q": "a&admin=1#\r\n", "limit": 5})
    assert service.target() == "GET /things?q=a%26admin%3D1%23%0D%0A&limit=5"


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"a": object()}])
def test_a_body_that_is_not_json_is_refused(peer: Callable[..., Peer], body: object) -> None:
    service = peer()
    with pytest.raises(ServiceRejected, match="not JSON"):
        Things().post("/things", body=body, key="k")
    assert not service.connections


def test_a_services_key_goes_to_that_service_alone(
    peer: Callable[..., Peer], settings: Any
) -> None:
    service = peer()
    configure(settings, SERVICE_API_KEYS={"things": "s3cret", "others": "other"})
    Things().get("/things")
    assert service.headers()["authorization"] == "Bearer s3cret"
    configure(settings, SERVICE_API_KEYS={"things": "with\r\nnewline"})
    with pytest.raises(ServiceRejected, match="THINGS_API_KEY") as refused:
        Things().get("/things")
    assert "newline" not in str(refused.value)


def test_no_redirect_is_followed_and_no_cookie_kept(peer: Callable[..., Peer]) -> None:
    service = peer(http(200, b"{}", "Set-Cookie: a=b; Path=/"))
    for _ in range(2):
        Things().get("/things")
        assert "cookie" not in service.headers()


def test_nothing_of_the_environment_leads_elsewhere(
    peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    service = peer()
    assert Things().get("/things") == {}
    assert "authorization" not in service.headers()


def test_the_key_of_the_longest_saga_can_be_sent(peer: Callable[..., Peer]) -> None:
    """A child's id, its step and its direction, each as long as they may be."""
    service = peer()
    key = f"{'s' * CHILD_ID_LENGTH}:{'t' * 63}:compensation"
    Things().post("/things", body={}, key=key)
    assert service.headers()["idempotency-key"] == key
