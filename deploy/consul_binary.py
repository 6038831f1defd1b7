"""A real `consul`: the one on PATH, else that of Debian 11, in a folder of one's own."""

import shutil
from pathlib import Path
from typing import Final

from deploy.debian_packages import NotToBeHad, unpacked

RELEASE: Final = "bullseye"
"""Debian 11, with Consul 1.8.7. Later ones dropped the package."""


class NoConsul(Exception):
    """There is no `consul` on this machine, and none to be had; says why."""


def consul_binary(folder: Path) -> Path:
    """The path of a `consul` program, which may be put into `folder` now. Raises `NoConsul`."""
    if found := shutil.which("consul"):
        return Path(found)
    try:
        return unpacked(folder, "consul", ["consul"], RELEASE) / "usr" / "bin" / "consul"
    except NotToBeHad as error:
        raise NoConsul(f"none is on PATH, and {error} Install Consul.") from None
