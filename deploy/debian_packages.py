"""Programs out of Debian's packages, unpacked below a folder of one's own.

The packages come from the machine's own mirror and are checked by its own keys; nothing is
installed, and root is not needed.
"""

import fcntl
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

APT: Final = Path("/etc/apt")

# Seconds: for the lists and for the packages, 8 and 35 MB, through a slow line.
DOWNLOAD_SECONDS: Final = 120.0
# Seconds, while another run downloads; a little more than all of its downloads may take.
LOCK_SECONDS: Final = 380.0
POLL_SECONDS: Final = 0.1


class NotToBeHad(Exception):
    """The packages are not to be had on this machine; says why."""


def unpacked(folder: Path, name: str, packages: Sequence[str], release: str) -> Path:
    """The folder `folder/name`, in which the packages of that release stand as below `/`.

    Downloaded at the first call; whole, or not there. Raises `NotToBeHad`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder.resolve() / name
    with _snapshot(folder / f"{name}.lock"):
        if not target.exists():
            _download(target, packages, release)
    return target


def source_line(release: str, apt: Path = APT) -> str:
    """The line of a sources.list that names `release` at the mirror that this machine uses.

    Both forms are understood, one line each (`deb …`) and deb822 (`URIs: …`), see sources.list(5).
    Raises `NotToBeHad` if no mirror of Debian is named.
    """
    folder = apt / "sources.list.d"
    listed = [*sorted(folder.glob("*.list")), *sorted(folder.glob("*.sources"))]
    for path in (apt / "sources.list", *listed):
        if path.exists():
            for options, uri, components in _sources(path.read_text(), path.suffix):
                # What has updates or security alone has other folders, and other suites.
                if "main" in components.split() and re.search(r"/debian/?$", uri):
                    return f"deb {options}{uri} {release} main"
    raise NotToBeHad("apt names no mirror of Debian to take packages from.")


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


def _download(target: Path, packages: Sequence[str], release: str) -> None:
    for program in ("apt-get", "dpkg"):
        if shutil.which(program) is None:
            raise NotToBeHad(f"there is no {program} to get packages by.")
    work = target.with_name(f"{target.name}-download")
    shutil.rmtree(work, ignore_errors=True)
    for name in ("lists/partial", "archives/partial"):
        (work / name).mkdir(parents=True)
    (work / "sources.list").write_text(source_line(release) + "\n")
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
    _run([*apt, "download", *packages], work)
    for package in sorted(work.glob("*.deb")):
        _run(["dpkg", "-x", str(package), "unpacked"], work)
    (work / "unpacked").rename(target)
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
        raise NotToBeHad(f"`{argv[0]} … {argv[-1]}` took over {DOWNLOAD_SECONDS:g} s.") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).decode(errors="replace").strip()[-500:]
        raise NotToBeHad(f"`{argv[0]} … {argv[-1]}` failed: {said}") from None


@contextmanager
def _snapshot(path: Path) -> Iterator[None]:
    """One run at a time downloads. The kernel drops the lock of a process that is killed."""
    deadline = time.monotonic() + LOCK_SECONDS
    with path.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise NotToBeHad(f"another run held {path} for {LOCK_SECONDS:g} s.") from None
                time.sleep(POLL_SECONDS)
        yield
