"""Streams through a real nginx, with the lines of docs/deploying.md."""

import json
import os
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from websockets.sync.client import connect

from deploy.debian_packages import NotToBeHad, unpacked
from sagas.devserver.child import Command
from sagas.devserver.supervisor import Supervisor, free_port
from tests.realtime.places import certify
from tests.servers import FOLDER
from tests.system.running import REPOSITORY, Running, web
from tests.system.test_socket import close_of

PACKAGES: Final = ("nginx", "libpcre2-8-0")


@dataclass(frozen=True)
class Proxy:
    """`url` as browsers see it, with the path."""

    url: str
    tls: ssl.SSLContext


@pytest.fixture(scope="module")
def proxy(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    try:
        program = unpacked(FOLDER, "nginx", PACKAGES, "bookworm") / "usr/sbin/nginx"
    except NotToBeHad as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"The CI tests a proxy, too: {error}")
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("nginx")
    certify(folder)
    port, blocked_by_queue = free_port(), free_port()
    (folder / "nginx.conf").write_text(configuration(folder, port, blocked_by_queue))
    argv = [str(program), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    env = {**running.env, "DJANGO_SETTINGS_MODULE": "tests.system.behind_proxy"}
    ready = f"http://127.0.0.1:{blocked_by_queue}/app/health/live"
    url = f"https://localhost:{port}/app"
    pid = folder / "pid"  # nginx writes it once it listens
    with Supervisor(folder, REPOSITORY) as supervisor:
        command = web(env, blocked_by_queue)
        supervisor.start(Command("web", command.argv, env, ready=lambda _: answers(ready)))
        supervisor.start(Command("nginx", argv, os.environ, ready=lambda _: pid.exists()))
        yield Proxy(url, ssl.create_default_context(cafile=folder / "ca.pem"))


def configuration(folder: Path, port: int, blocked_by_queue: int) -> str:
    """The lines of the docs, at other ports."""
    page = (REPOSITORY / "docs" / "deploying.md").read_text()
    [lines] = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("sagas.example", "localhost"),
        ("/etc/ssl/sagas.pem", f"{folder}/host.pem"),
        ("/etc/ssl/sagas.key", f"{folder}/host.key"),
        ("127.0.0.1:8000", f"127.0.0.1:{blocked_by_queue}"),
    ):
        assert old in lines
        lines = lines.replace(old, new)
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.getuid() == 0 else ""  # who else could not write there
    return (
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{lines}}}\n"
    )


def answers(url: str) -> bool:
    try:
        return httpx.get(url, headers={"Host": "localhost"}, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("OWN", 1000),
        ("https://shop.example", 1000),
        ("https://localhost", 4403),
        ("http://localhost:PORT", 4403),
        (None, 4401),
    ],
)
def test_a_session_counts_from_a_page_that_django_trusts(
    running: Running, proxy: Proxy, browser: httpx.Client, origin: Any, code: int
) -> None:
    saga_id = running.start()
    running.end_of(saga_id)
    own = proxy.url.removesuffix("/app")
    if origin is not None:
        origin = origin.replace("OWN", own).replace("PORT", own.rpartition(":")[2])
    url = f"{proxy.url.replace('http', 'ws', 1)}/ws/v1/sagas/{saga_id}/?after=10000"
    headers = {"Cookie": f"sessionid={browser.cookies['sessionid']}"}
    with connect(
        url, ssl=proxy.tls, proxy=None, open_timeout=60, additional_headers=headers, origin=origin
    ) as socket:
        assert close_of(socket)[0] == code


def test_the_live_page_knows_its_path_and_events_are_not_held_back(
    running: Running, proxy: Proxy, browser: httpx.Client, waiting: str
) -> None:
    cookies = {"sessionid": browser.cookies["sessionid"]}
    with httpx.Client(verify=proxy.tls, trust_env=False, timeout=60, cookies=cookies) as client:
        page = client.get(f"{proxy.url}/live/{waiting}").text
        assert 'data-base="/app/"' in page
        [script] = re.findall(r'src="(/app/static/[^"]+)"', page)
        own = proxy.url.removesuffix("/app")
        assert client.get(f"{own}{script}").status_code == 200
        headers = {"Origin": own}
        with client.stream(
            "GET", f"{proxy.url}/api/v1/sagas/{waiting}/stream", headers=headers
        ) as answer:
            data = (line[6:] for line in answer.iter_lines() if line.startswith("data: "))
            assert json.loads(next(data))["type"] == "snapshot"
            running.open_gate(waiting, "a")  # of which no push tells this web process
            assert any(json.loads(each)["type"] == "step.succeeded" for each in data)
