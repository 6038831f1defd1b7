"""Whether what the services did adds up: the one check that asks nobody's opinion of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import httpx

from examples.demo.orders_file import SampleOrder

# One answer of a service, in seconds.
ANSWER_SECONDS = 10.0


@dataclass(frozen=True)
class Entry:
    """One line of a ledger: cents for payments, pieces for inventory, else a count. `at` is when
    it was written."""

    service: str
    saga_id: str
    kind: str
    subject: str
    amount: int
    at: datetime


def fetch_ledgers(service_urls: Mapping[str, str], prefix: str) -> list[Entry]:
    """All entries of the sagas whose id starts with `prefix`. Raises httpx.HTTPError."""
    entries = []
    with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False) as client:
        for service, url in service_urls.items():
            answer = client.get(f"{url}/ledger", params={"key_prefix": prefix})
            answer.raise_for_status()
            for line in answer.json():
                saga_id = line["key"].split(":", 1)[0]
                what = line["kind"], line["subject"], line["amount"]
                entries.append(Entry(service, saga_id, *what, datetime.fromisoformat(line["at"])))
    return entries


def check_saga(order: SampleOrder, status: str, entries: Iterable[Entry]) -> list[str]:
    """What does not add up for one saga that ended with `status`; empty if all does.

    `entries` are the saga's own, of all services.
    """
    net: defaultdict[tuple[str, str], int] = defaultdict(int)
    kinds: Counter[str] = Counter()
    for entry in entries:
        subject = entry.subject if entry.service == "inventory" else ""
        net[entry.service, subject] += entry.amount
        kinds[entry.kind] += 1
    done = status == "completed"
    wanted = {("inventory", i.sku): -i.quantity if done else 0 for i in order.context.items}
    wanted["payments", ""] = order.context.amount_cents if done else 0
    wanted["orders", ""] = 1 if done else 0
    if done:
        wanted["notifications", ""] = 1
    problems = [
        f"{service} {subject}".rstrip() + f": the ledger sums to {net[service, subject]:+d}, "
        f"a {status} saga leaves {amount:+d}"
        for (service, subject), amount in wanted.items()
        if net[service, subject] != amount
    ]
    for kind in ("charge", "place", "send"):
        if kinds[kind] > 1:
            problems.append(f"{kind} was done {kinds[kind]} times, under one idempotency key")
    return problems


def by_saga(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The entries of each saga."""
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        found[entry.saga_id].append(entry)
    return found


def sums(entries: Iterable[Entry]) -> dict[tuple[str, str], tuple[int, int]]:
    """For each service and kind of entry, how many there are and what they sum to."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for entry in entries:
        count, total = found.get((entry.service, entry.kind), (0, 0))
        found[entry.service, entry.kind] = count + 1, total + entry.amount
    return found
