"""Where the servers that no wheel brings come from: Debian's packages."""

import os
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy import debian_packages
from deploy.consul_binary import NoConsul, consul_binary
from deploy.debian_packages import NotToBeHad, source_line, unpacked

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
    assert source_line("bullseye", tmp_path) == line


@pytest.mark.parametrize(
    "text", ["", NEW_FORM.replace("Types: deb\n", "Types: deb\nEnabled: no\n").split("\n\n")[0]]
)
def test_without_a_mirror_there_is_a_reason(tmp_path: Path, text: str) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(text)
    with pytest.raises(NotToBeHad, match="names no mirror of Debian"):
        source_line("bullseye", tmp_path)


def test_the_one_on_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "consul"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert consul_binary(tmp_path / "unused") == program
    assert not (tmp_path / "unused").exists()


def test_only_one_of_many_runs_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    downloads: list[int] = []

    def download(target: Path, packages: Sequence[str], release: str) -> None:
        downloads.append(1)
        target.mkdir(parents=True)

    monkeypatch.setattr(debian_packages, "_download", download)
    wanted = (tmp_path, "consul", ["consul"], "bullseye")
    threads = [threading.Thread(target=unpacked, args=wanted) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert downloads == [1]


def test_what_apt_says_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho 'E: no route to the mirror' >&2; exit 100\n")
    apt.chmod(0o755)
    line = "deb http://mirror.test/debian x main"
    monkeypatch.setattr(debian_packages, "source_line", lambda _: line)
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "consul" else found(name))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(NoConsul, match="no route to the mirror"):
        consul_binary(tmp_path / "folder")
    assert not (tmp_path / "folder" / "consul").exists()


def test_what_is_there_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thing").mkdir()
    monkeypatch.setenv("PATH", "")
    assert unpacked(tmp_path, "thing", ["thing"], "bullseye") == tmp_path / "thing"


def test_it_runs(agent_program: None) -> None:
    from tests.servers import FOLDER

    program = consul_binary(FOLDER)
    said = subprocess.run([program, "version"], capture_output=True, text=True, timeout=10)
    assert said.stdout.startswith("Consul v")
