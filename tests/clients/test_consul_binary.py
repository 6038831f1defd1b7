"""Where a real Consul for these tests comes from."""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from deploy import consul_binary
from deploy.consul_binary import NoConsul, source_line

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
NEW_FORM = f"""\
# what makes the image
Types: deb
URIs: http://mirror.test/debian-security
Suites: stable-security
Components: main
Signed-By: {KEYS}

Types: deb deb-src
URIs: http://mirror.test/debian/
Suites: stable stable-updates
Components: main contrib
Signed-By: {KEYS}
"""


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("sources.list.d/debian.sources", NEW_FORM,
         f"deb [signed-by={KEYS}] http://mirror.test/debian/ bullseye main"),
        ("sources.list",
         "# deb http://old.test/debian x main\ndeb http://mirror.test/debian x main\n",
         "deb http://mirror.test/debian bullseye main"),
        ("sources.list.d/a.list",
         "deb http://mirror.test/debian-security x main\n"
         "deb [arch=amd64 trusted=yes]  http://mirror.test/debian x main non-free\n",
         "deb [arch=amd64 trusted=yes]  http://mirror.test/debian bullseye main"),
    ],
)  # fmt: skip
def test_the_mirror_is_the_machines_own(tmp_path: Path, file: str, text: str, line: str) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "other.list").write_text("deb http://other.test/apt x main\n")
    (tmp_path / file).write_text(text)
    assert source_line(tmp_path) == line


@pytest.mark.parametrize(
    "text", ["", NEW_FORM.replace("Types: deb\n", "Types: deb\nEnabled: no\n").split("\n\n")[0]]
)
def test_without_a_mirror_there_is_a_reason(tmp_path: Path, text: str) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(text)
    with pytest.raises(NoConsul, match="install Consul"):
        source_line(tmp_path)


def test_the_one_on_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "consul"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert consul_binary.consul_binary(tmp_path / "unused") == program
    assert not (tmp_path / "unused").exists()


def test_only_one_of_many_runs_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    downloads: list[int] = []

    def unpack(folder: Path) -> None:
        downloads.append(1)
        program = folder / "consul" / "usr" / "bin" / "consul"
        program.parent.mkdir(parents=True)
        program.touch()

    monkeypatch.setattr(consul_binary.shutil, "which", lambda _: None)
    monkeypatch.setattr(consul_binary, "_unpack", unpack)
    threads = [
        threading.Thread(target=consul_binary.consul_binary, args=[tmp_path]) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert downloads == [1]


def test_what_apt_says_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho 'E: no route to the mirror' >&2; exit 100\n")
    apt.chmod(0o755)
    monkeypatch.setattr(
        consul_binary, "source_line", lambda: "deb http://mirror.test/debian x main"
    )
    monkeypatch.setattr(
        consul_binary.shutil, "which", lambda name: None if name == "consul" else name
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(NoConsul, match="no route to the mirror"):
        consul_binary.consul_binary(tmp_path / "folder")


def test_it_runs(agent_program: None) -> None:
    from tests.servers import FOLDER

    program = consul_binary.consul_binary(FOLDER)
    said = subprocess.run([program, "version"], capture_output=True, text=True, timeout=10)
    assert said.stdout.startswith("Consul v")
