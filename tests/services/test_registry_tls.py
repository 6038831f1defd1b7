"""A Consul that speaks TLS, with an authority of its own and certificates of its clients."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local_consul import local_consul
from sagas.conf import conf
from sagas.devserver.supervisor import free_port
from sagas.services.registry import RegistryError, TtlCheck, registry_of_settings
from sagas.services.registry.consul import ConsulRegistry, _parts
from sagas.services.registry.tls import Tls
from tests.configured import configure
from tests.realtime.places import certify
from tests.servers import FOLDER
from tests.services.test_registry import SOON


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem, and for the agent and a client a certificate and a key. In the folder `cas` the
    authority has a name that OpenSSL would not look for."""
    folder = tmp_path_factory.mktemp("tls")
    certify(folder)
    certify(folder, "client")
    (folder / "cas").mkdir()
    (folder / "cas" / "own.pem").write_text((folder / "ca.pem").read_text())
    return folder


@pytest.fixture(scope="module")
def port(agent_program: None, files: Path) -> Iterator[int]:
    """Of an agent that wants certificates of its clients."""
    found = free_port()
    config = {
        "ca_file": str(files / "ca.pem"),
        "cert_file": str(files / "host.pem"),
        "key_file": str(files / "host.key"),
        "verify_incoming_https": True,
    }
    with local_consul(FOLDER, config=config, https_port=found):
        yield found


def told(files: Path, **others: str) -> dict[str, str]:
    """What the settings say."""
    client = {"CLIENT_CERT": f"{files}/client.pem", "CLIENT_KEY": f"{files}/client.key"}
    return {**client, **others}


def works(registry: ConsulRegistry, name: str) -> None:
    try:
        registry.beat(registry.register(name, "127.0.0.1", 9, TtlCheck()))
        assert registry.watch(name).until(bool, SOON)
    finally:
        registry.close()


@pytest.mark.parametrize(
    ("address", "others"),
    [
        ("https://127.0.0.1:PORT", {"CACERT": "FILES/ca.pem"}),
        ("https://127.0.0.1:PORT", {"CAPATH": "FILES/cas"}),
        ("127.0.0.1:PORT", {"HTTP_SSL": "true", "CACERT": "FILES/ca.pem"}),
        ("http://127.0.0.1:PORT", {"HTTP_SSL": "1", "HTTP_SSL_VERIFY": "false"}),
        ("localhost:PORT", {"HTTP_SSL": "true", "CACERT": "FILES/ca.pem"}),
        ("https://127.0.0.1:PORT", {"CACERT": "FILES/ca.pem", "TLS_SERVER_NAME": "consul.test"}),
    ],
)
def test_the_usual_variables_lead_to_it(
    settings: Any, port: int, files: Path, name: str, address: str, others: dict[str, str]
) -> None:
    paths = {key: value.replace("FILES", str(files)) for key, value in others.items()}
    paths["HTTP_ADDR"] = address.replace("PORT", str(port))
    configure(settings, CONSUL=told(files, **paths))
    registry = registry_of_settings()
    assert isinstance(registry, ConsulRegistry)
    works(registry, name)


@pytest.mark.parametrize(
    "others",
    [
        {"CACERT": ""},
        {"CACERT": "FILES/ca.pem", "CLIENT_CERT": "", "CLIENT_KEY": ""},
        {"CACERT": "FILES/ca.pem", "TLS_SERVER_NAME": "another.test"},
    ],
)
def test_what_is_missing_is_said(
    settings: Any, port: int, files: Path, name: str, others: dict[str, str]
) -> None:
    paths = {key: value.replace("FILES", str(files)) for key, value in others.items()}
    paths["HTTP_ADDR"] = f"https://127.0.0.1:{port}"
    configure(settings, CONSUL=told(files, **paths))
    registry = registry_of_settings()
    with pytest.raises(RegistryError, match="does not answer correctly"):
        registry.register(name, "127.0.0.1", 9, TtlCheck())


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("CACERT", "/no/such/ca.pem", "CONSUL_CACERT"),
        ("CAPATH", "/no/such/folder", "CONSUL_CAPATH"),
        ("CACERT", __file__, "CONSUL_CACERT"),
        ("CLIENT_CERT", "/no/such/client.pem", "CONSUL_CLIENT_CERT"),
        ("HTTP_SSL", "perhaps", "CONSUL_HTTP_SSL"),
    ],
)
def test_a_variable_that_makes_no_sense_is_named(
    settings: Any, option: str, value: str, said: str
) -> None:
    configure(settings, CONSUL={"HTTP_ADDR": "https://127.0.0.1:9", option: value})
    with pytest.raises(ValueError, match=said):
        registry_of_settings()


def test_a_namespace_is_asked_for(settings: Any, agent: Any, name: str) -> None:
    """This Consul has none, and says so."""
    configure(settings, CONSUL={**conf.CONSUL, "NAMESPACE": "ours"})
    with pytest.raises(RegistryError, match=re.compile("namespace", re.IGNORECASE)):
        registry_of_settings().register(name, "127.0.0.1", 9, TtlCheck())


@pytest.mark.parametrize(
    ("address", "wanted", "parts"),
    [
        ("consul.internal", False, ("http", "consul.internal", 8500)),
        ("consul.internal:80", False, ("http", "consul.internal", 80)),
        ("http://consul.internal", False, ("http", "consul.internal", 8500)),
        ("https://consul.internal", False, ("https", "consul.internal", 443)),
        ("https://consul.internal/", False, ("https", "consul.internal", 443)),
        ("https://consul.internal:8501", False, ("https", "consul.internal", 8501)),
        ("consul.internal", True, ("https", "consul.internal", 443)),
        ("consul.internal:8501", True, ("https", "consul.internal", 8501)),
        ("http://consul.internal:8501", True, ("https", "consul.internal", 8501)),
        ("fd00::1", False, ("http", "[fd00::1]", 8500)),
        ("[fd00::1]:8501", False, ("http", "[fd00::1]", 8501)),
        ("https://[fd00::1]", False, ("https", "[fd00::1]", 443)),
    ],
)
def test_what_an_address_without_a_port_means(
    address: str, wanted: bool, parts: tuple[str, str, int]
) -> None:
    assert _parts(address, Tls(is_wanted=wanted)) == parts
