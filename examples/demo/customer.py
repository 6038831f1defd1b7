"""A customer of the demo: who comes and orders by events of other services, and writes on the page
of the order."""

import json
import re
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from kombu import Connection, Exchange

from examples.demo.orders_file import Fault
from examples.demo.stack import CUSTOMER, Stack

# Seconds for the broker, for one answer of the web server, and for an order to be complete.
BROKER_SECONDS = 5.0
ANSWER_SECONDS = 15.0
ORDER_SECONDS = 60.0
# How often the page is looked at, in seconds.
POLL_SECONDS = 0.2

ORDER = {
    "items": [{"sku": "lamp", "quantity": 1}],
    "amount_cents": 3990,
    "currency": "EUR",
    "card": "visa",
}
# What makes an order take half a minute: long enough to look at its page.
SLOW = (
    Fault(service="users", latency=1.5),
    Fault(service="inventory", latency=1.5, answer=503, times=4),
    Fault(service="payments", latency=1.8),
    Fault(service="orders", latency=1.5),
    Fault(service="notifications", latency=1.5, answer=503, times=4),
)


@dataclass(frozen=True)
class Customer:
    """One run's customer. Raises httpx.HTTPError, and OperationalError of kombu."""

    run_id: str
    stack: Stack

    def come(self) -> None:
        """The users service tells of them."""
        told = {"user_id": CUSTOMER, "name": "Alice Adler", "login": CUSTOMER}
        self._publish("users", "user.created", told)

    def order(self, name: str, faults: tuple[Fault, ...] = ()) -> str:
        """The shop tells of an order; the address of its page, which is there in a moment."""
        number = f"{self.run_id}-{name}"
        saga_id = f"order-{number}"
        with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False) as client:
            for fault in faults:
                url = f"{self.stack.service_urls[fault.service]}/faults"
                client.post(url, json=fault.request(saga_id)).raise_for_status()
        told = {"order_id": number, "user_id": CUSTOMER, "order": ORDER}
        self._publish("orders", "order.created", told)
        return f"{self.stack.web_url}/orders/{saga_id}/"

    def follow(self, page: str) -> str:
        """Logs in, writes on the page, and looks at it until the order is complete; what is wrong,
        or nothing."""
        with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False, follow_redirects=True) as client:
            login = f"{self.stack.web_url}/orders/login/"
            fields = {"username": CUSTOMER, "password": self.stack.customer_password}
            self._post(client, login, login, fields)
            if not self._wait(client, page, "Thank you for your order"):
                return f"{page} is not there after {ORDER_SECONDS:g} s: look into consumer.log."
            self._post(client, page, f"{page}say/", {"id": str(uuid4()), "text": "Is it blue?"})
            for wanted in ("Is it blue?", "Your order is complete"):
                if not self._wait(client, page, wanted):
                    return f"{page} does not say {wanted!r} after {ORDER_SECONDS:g} s."
        return ""

    def _wait(self, client: httpx.Client, page: str, wanted: str) -> bool:
        deadline = time.monotonic() + ORDER_SECONDS
        while wanted not in client.get(page).text:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _post(self, client: httpx.Client, page: str, to: str, fields: dict[str, str]) -> None:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(page).text)
        token = found[1] if found else ""
        client.post(to, data={"csrfmiddlewaretoken": token, **fields}).raise_for_status()

    def _publish(self, exchange: str, key: str, data: dict[str, Any]) -> None:
        url = self.stack.servers.broker_url
        # Redis waits for ever by default; AMQP knows no such option, and has heartbeats.
        options = {"socket_timeout": BROKER_SECONDS} if url.startswith("redis") else {}
        with Connection(url, connect_timeout=BROKER_SECONDS, transport_options=options) as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
            topic = Exchange(exchange, type="topic", durable=True)
            broker.Producer(exchange=topic).publish(
                json.dumps({"id": str(uuid4()), "data": data}),
                routing_key=key,
                declare=[topic],
                content_type="application/json",
                content_encoding="utf-8",
            )
