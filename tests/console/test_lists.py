"""The list: each filter by its address, pages, the box that jumps; and home."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client

from sagas import engine
from sagas.queries import OPERATOR, Filter, Standing, counts_of_newest, page
from sagas.queries.lists import matching
from tests.console import scenes
from tests.console.conftest import client_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _all() -> None:
    scenes.of_every_kind()


def listed(client: Client, query: str = "", path: str = "/sagas/") -> list[str]:
    """The saga_ids of the rows, in order."""
    text = client.get(f"{path}{query}").text
    rows = re.findall(r'<th scope="row"><a class="mono" href="[^"]*">([^<]*)</a>', text)
    assert bool(rows) != ('class="card empty"' in text)
    return rows


FILTERS: Final[dict[str, list[str] | None]] = {
    "type=stocktaking": ["stocktaking-2", "stocktaking-1"],
    "status=completed": ["order-3", "order-2", "order-1"],
    "status=compensating": ["order-7"],
    "status=compensated&type=checkout": ["order-4"],
    "status=failed": ["order-8"],
    "standing=attention": ["order-8"],
    "standing=retrying": ["order-7", "order-6"],
    "standing=waiting": ["credit-c-118"],
    "standing=paused": ["order-5"],
    "standing=late": [],
    "step=decision": ["credit-c-118"],
    "step=charge_card": ["order-6", "order-5"],
    "tag=vip": ["order-7", "order-6", "order-4"],
    "tag=vip&status=running": ["order-6"],
    "id=stock": ["stocktaking-2", "stocktaking-1"],
    "id=order_": [],
    "parent=tour-9": ["tour-9~goods"],
    "after=2000-01-01T00:00&until=2001-01-01T00:00": [],
    "after=2000-01-01T00:00&id=tour": ["tour-9"],
    "until=2000-01-01T00:00": [],
    "type=of-old&status=running": None,
    "tag=not%20a%20tag": None,
    "status=odd": None,
    "standing=odd": None,
    "step=%00": None,
    "after=yesterday": None,
    "parent=nobody": None,
    "id=%3C": None,
}
"""None: it can't be used, and that is said at its field."""


@pytest.mark.usefixtures("_all")
def test_each_filter(operator: Client) -> None:
    for query, expected in FILTERS.items():
        answer = operator.get(f"/sagas/?{query}")
        if expected is None:
            assert answer.status_code == 422, query
            assert 'role="alert"' in answer.text
        else:
            assert answer.status_code == 200, query
            assert listed(operator, f"?{query}") == expected, query
            assert "Clear" in answer.text


def test_pages_follow_each_other_without_a_gap(operator: Client) -> None:
    many = [engine.NewSaga({}, f"order-{number:03}", tags=("a",)) for number in range(120)]
    engine.start_many("checkout", many)
    found: list[str] = []
    query: str | None = "?tag=a"
    sizes = []
    while query:
        rows = listed(operator, query)
        sizes.append(len(rows))
        found += rows
        text = operator.get(f"/sagas/{query}").text
        older = re.search(r'rel="next" href="([^"]*)"', text)
        query = older[1].replace("&amp;", "&") if older else None
        assert query is None or "tag=a" in query
    assert sizes == [50, 50, 20]
    assert found == [f"order-{number:03}" for number in reversed(range(120))]
    newest = re.search(r'href="(\?[^"]*)">Newest', text)
    assert newest is not None
    assert newest[1] == "?tag=a"
    for odd in ("-1", "x", "9" * 30, "1.5"):
        assert len(listed(operator, f"?before={odd}")) == 50


def test_an_empty_list_says_why(operator: Client) -> None:
    assert "There are no sagas yet." in operator.get("/sagas/").text
    assert "No saga matches." in operator.get("/sagas/?tag=a").text
    assert "Nothing needs you." in operator.get("/").text


@pytest.mark.usefixtures("_all")
def test_the_box_jumps(operator: Client, alice: Any) -> None:
    def jump(text: str, client: Client = operator) -> str:
        answer = client.get(f"/find/?q={quote(text)}")
        assert answer.status_code == 302
        return str(answer["Location"])

    assert jump("order-7") == "/sagas/order-7/"
    assert jump("  tour-9~goods ") == "/sagas/tour-9~goods/"
    assert jump("order") == "/sagas/?id=order"
    assert jump("") == "/sagas/"
    assert jump("a b") == "/sagas/?tag=a+b"
    assert jump("order-7", client_of(alice)) == "/sagas/?id=order-7", "not hers: no jump"
    assert listed(client_of(alice), "?id=order-7") == []


@pytest.mark.usefixtures("_all")
def test_home_has_what_needs_somebody(operator: Client) -> None:
    text = operator.get("/").text
    parts = text.split("<h2")
    wanted = {
        "Need a person": ["order-8"],
        "Are retried": ["order-7", "order-6"],
        "Wait for a signal": ["credit-c-118"],
        "Are paused": ["order-5"],
    }
    for title, saga_ids in wanted.items():
        [part] = [part for part in parts if f">{title} <" in part]
        assert re.findall(r'class="mono" href="[^"]*">([^<]*)<', part) == saga_ids
        [link] = re.findall(r'href="(/sagas/\?[^"]*)">In the list', part)
        assert listed(operator, path=link) == saga_ids
    assert "Past their deadline" not in text


@pytest.mark.usefixtures("_all")
def test_home_counts_by_type_and_status(operator: Client) -> None:
    counts = counts_of_newest(OPERATOR)
    assert counts["checkout", "completed"] == 3
    assert counts["stocktaking", "pending"] == 2
    assert ("labels.print", "completed") not in counts, "children are counted with nobody"
    text = operator.get("/").text
    for (saga_type, status), number in counts.items():
        address = f"/sagas/?type={saga_type}&amp;status={status}"
        assert re.search(rf'href="{re.escape(address)}"[^>]*>{number}<', text)
        rows = listed(operator, path=address.replace("&amp;", "&"))
        assert len(rows) == number


def test_what_is_late_is_told() -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    scenes.past_deadline("order-1", soon)
    scenes.start("checkout", "order-2", deadline=soon)
    found = page(Filter(standing=Standing.LATE), OPERATOR).executions
    assert [each.saga_id for each in found] == ["order-1"]


@pytest.mark.parametrize("standing", Standing)
def test_a_standing_is_read_from_what_is_live(standing: Standing) -> None:
    """By the partial index, though the planner would rather read the few rows of a test."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        try:
            plan = matching(Filter(standing=standing), OPERATOR).order_by("-id")[:6].explain()
        finally:
            cursor.execute("RESET enable_seqscan")
    assert "saga_execution_live" in plan
    assert "Seq Scan on sagas_sagaexecution" not in plan
