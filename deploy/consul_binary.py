"""A real `consul`: the one on PATH, else that of Debian 11, unpacked below a folder of one's own.

Debian's later releases have none. The package is taken from the machine's own mirror and checked
by its own keys; nothing is installed, and root is not needed.
"""

import fcntl
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

RELEASE: Final = "bullseye"
"""Debian 11, with Consul 1.8.7. Later ones dropped the package."""

APT: Final = Path("/etc/apt")

# Seconds: for the lists and for the package, 8 and 14 MB, through a slow line.
DOWNLOAD_SECONDS: Final = 120.0
# Seconds, while another run downloads; a little more than both of its downloads may take.
LOCK_SECONDS: Final = 260.0
POLL_SECONDS: Final = 0.1


class NoConsul(Exception):
    """There is no `consul` on this machine, and none to be had; says why."""


def consul_binary(folder: Path) -> Path:
    """The path of a `consul` program, which may be put into `folder` now. Raises `NoConsul`."""
    if found := shutil.which("consul"):
        return Path(found)
    folder.mkdir(parents=True, exist_ok=True)
    program = folder.resolve() / "consul" / "usr" / "bin" / "consul"
    with _locked(folder / "consul.lock"):
        if not program.exists():
            _unpack(folder.resolve())
    return program


def source_line(apt: Path = APT) -> str:
    """The line of a sources.list that names `RELEASE` at the mirror that this machine uses.

    Both forms are understood, one line each (`deb …`) and deb822 (`URIs: …`), see sources.list(5).
    Raises `NoConsul` if no mirror of Debian is named.
    """
    folder = apt / "sources.list.d"
    listed = [*sorted(folder.glob("*.list")), *sorted(folder.glob("*.sources"))]
    for path in (apt / "sources.list", *listed):
        if path.exists():
            for options, uri, components in _sources(path.read_text(), path.suffix):
                # What has updates or security alone has other folders, and other suites.
                if "main" in components.split() and re.search(r"/debian/?$", uri):
                    return f"deb {options}{uri} {RELEASE} main"
    raise NoConsul(
        "no `consul` on PATH, and apt names no mirror of Debian to take one from: install Consul."
    )


def _sources(text: str, suffix: str) -> Iterator[tuple[str, str, str]]:
    """The options, the URI and the components of each source that a file names."""
    if suffix == ".list":
        line = re.compile(r"^deb[ \t]+(\[[^]]*\][ \t]+)?(\S+)[ \t]+\S+[ \t]+(.+)$", re.MULTILINE)
        for match in line.finditer(text):
            yield match[1] or "", match[2], match[3]
        return
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
        keys = fields.get("Signed-By", "").strip()
        options = f"[signed-by={keys}] " if keys.startswith("/") else ""
        for uri in fields.get("URIs", "").split():
            if "deb" in fields.get("Types", "").split() and fields.get("Enabled") != "no":
                yield options, uri, fields.get("Components", "")


def _unpack(folder: Path) -> None:
    """Downloads the package and unpacks it; the program appears whole, or not at all."""
    for program in ("apt-get", "dpkg"):
        if shutil.which(program) is None:
            raise NoConsul(f"no `consul` on PATH, and no {program} to get it by: install Consul.")
    work = folder / "consul-download"
    shutil.rmtree(work, ignore_errors=True)
    for name in ("lists/partial", "archives/partial"):
        (work / name).mkdir(parents=True)
    (work / "sources.list").write_text(source_line() + "\n")
    options = {
        "Dir::Etc::SourceList": work / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": work / "lists",
        "Dir::Cache": work,
        "APT::Sandbox::User": "root",  # the folder may be closed to the user that apt would take
        "Acquire::Languages": "none",
    }
    apt = ["apt-get", "-q", *(f"-o{name}={value}" for name, value in options.items())]
    _run([*apt, "update"], work)
    _run([*apt, "download", "consul"], work)
    [package] = work.glob("consul_*.deb")
    _run(["dpkg", "-x", str(package), "unpacked"], work)
    shutil.rmtree(folder / "consul", ignore_errors=True)
    (work / "unpacked").rename(folder / "consul")
    shutil.rmtree(work)


def _run(argv: list[str], folder: Path) -> None:
    try:
        subprocess.run(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=DOWNLOAD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise NoConsul(f"`{argv[0]} {argv[-1]}` took over {DOWNLOAD_SECONDS:g} s.") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).decode(errors="replace").strip()[-500:]
        raise NoConsul(f"`{argv[0]} {argv[-1]}` failed: {said}") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One run at a time downloads. The kernel drops the lock of a process that is killed."""
    deadline = time.monotonic() + LOCK_SECONDS
    with path.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise NoConsul(f"another run held {path} for {LOCK_SECONDS:g} s.") from None
                time.sleep(POLL_SECONDS)
        yield
