"""Where the services are: by Consul if CONSUL_HTTP_ADDR is set, else by SERVICE_URLS."""

from django.conf import settings

from clients.registry.consul import ConsulRegistry
from clients.registry.fixed import FixedRegistry
from clients.registry.instances import (
    HttpCheck,
    Instance,
    RegistryError,
    ServiceRegistry,
    TtlCheck,
    UnknownService,
)
from clients.registry.presence import Presence

__all__ = [
    "ConsulRegistry",
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
    """A new registry, as the settings say. The one that this process uses is `live().registry`."""
    if settings.CONSUL_HTTP_ADDR:
        return ConsulRegistry(
            settings.CONSUL_HTTP_ADDR, settings.CONSUL_HTTP_TOKEN, settings.CONSUL_DATACENTER
        )
    return FixedRegistry()
