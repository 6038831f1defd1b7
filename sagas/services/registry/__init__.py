"""Where the services are: from Consul if `SAGAS["CONSUL"]` names an agent, otherwise from
`SERVICE_URLS`."""

from collections.abc import Mapping
from typing import Any

from sagas import extras
from sagas.conf import conf
from sagas.services.registry.fixed import FixedRegistry
from sagas.services.registry.instances import (
    HttpCheck,
    Instance,
    RegistryError,
    ServiceRegistry,
    TtlCheck,
    UnknownService,
)
from sagas.services.registry.presence import Presence

__all__ = [
    "FixedRegistry",
    "HttpCheck",
    "Instance",
    "Presence",
    "RegistryError",
    "ServiceRegistry",
    "TtlCheck",
    "UnknownService",
    "registry_of_settings",
]


def registry_of_settings() -> ServiceRegistry:
    """A new registry, as the settings say. The registry of this process is `live().registry`."""
    consul: Mapping[str, str] = conf.CONSUL
    if consul.get("HTTP_ADDR"):
        extras.require("consul", "To find services by Consul")
        from sagas.services.registry.consul import ConsulRegistry

        return ConsulRegistry(
            consul["HTTP_ADDR"],
            consul.get("HTTP_TOKEN", ""),
            consul.get("DATACENTER", ""),
            **_further(consul),
        )
    return FixedRegistry()


def _further(options: Mapping[str, str]) -> dict[str, Any]:
    """What the variables of Consul's own programs say, by their names; empty is absent. Truth is
    spelled as there. Raises ValueError for one that is neither true nor false."""
    from sagas.services.registry.tls import Tls

    tls = Tls(
        _is_true("HTTP_SSL", options, False),
        _is_true("HTTP_SSL_VERIFY", options, True),
        *(
            options.get(name, "")
            for name in ("CACERT", "CAPATH", "CLIENT_CERT", "CLIENT_KEY", "TLS_SERVER_NAME")
        ),
    )
    return {"namespace": options.get("NAMESPACE", ""), "tls": tls}


def _is_true(name: str, options: Mapping[str, str], default: bool) -> bool:
    value = options.get(name, "")
    if value.lower() not in ("", "0", "f", "false", "1", "t", "true"):
        raise ValueError(f"CONSUL_{name} is {value!r}: use true or false.")
    return value.lower() in ("1", "t", "true") if value else default
