"""A person with a browser, at a project's web process."""

import json
from typing import Any, Final

import httpx
import psycopg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.adoption.project import Project
from tests.waiting import wait_until

LOG_IN: Final = (
    "from django.contrib.auth import get_user_model as model; from django.test import Client; "
    "client = Client(); client.force_login(model().objects.create_user('anna@example.com', 'x')); "
    "print('session', client.cookies['sessionid'].value)"
)
CSRF: Final = "c" * 32
LIMIT: Final = 600.0
"""Seconds for a process to start, and for a saga of two quick steps, on a very busy machine."""


class Visitor:
    """Logged in, with the cookies of a browser."""

    def __init__(self, url: str, project: Project) -> None:
        self.url = url
        self._database = project.env["DATABASE_URL"]
        printed = project.manage("shell", "-c", LOG_IN)
        session = next(each for each in printed.splitlines() if each.startswith("session "))
        cookies = {"sessionid": session.split()[1], "csrftoken": CSRF}
        self._cookies = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self._http = httpx.Client(
            base_url=url, cookies=cookies, headers={"X-CSRFToken": CSRF}, trust_env=False
        )

    def get(self, path: str) -> httpx.Response:
        return self._http.get(path)

    def order(self, quantity: int, card: str = "good") -> httpx.Response:
        """Sends the form of the page's view."""
        return self._http.post("/orders", data={"quantity": str(quantity), "card": card})

    def watch(self, saga_id: str) -> tuple[list[dict[str, Any]], int]:
        """All that the WebSocket says of a saga, and the code by which it is closed."""
        url = f"{self.url.replace('http', 'ws', 1)}/sagas/ws/v1/sagas/{saga_id}/"
        told: list[dict[str, Any]] = []
        with connect(
            url, origin=Origin(self.url), additional_headers={"Cookie": self._cookies}, proxy=None
        ) as socket:
            try:
                while True:
                    told.append(json.loads(socket.recv(timeout=LIMIT)))
            except ConnectionClosed as closed:
                return told, closed.rcvd.code if closed.rcvd else 1006

    def end_of(self, saga_id: str) -> str:
        """The status of a saga once it has ended."""

        def ended() -> str:
            status = self.get(f"/sagas/api/v1/sagas/{saga_id}").json()["status"]
            return status if status in ("completed", "compensated", "failed") else ""

        return str(wait_until(ended, f"the end of {saga_id}"))

    def rows(self, query: str) -> list[Any]:
        """What the project's database says."""
        with psycopg.connect(self._database) as connection:
            return connection.execute(query).fetchall()
