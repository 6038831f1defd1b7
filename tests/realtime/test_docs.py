"""docs/events.md does what it says, and docs/events.schema.json is what the code makes."""

from typing import Any

import pytest
from django.contrib.auth.models import Group

from sagas import Saga, SagaStep, WaitFor, engine, queries
from sagas.bus import handling
from sagas.bus.envelope import envelope
from sagas.bus.events import Event, Handlers
from sagas.bus.schema import Envelope, schema
from sagas.models import SagaExecution
from tests.pages import ROOT, chapters
from tests.realtime.sagas_of_tests import SHOP, completed, nothing, written

PAGE = ROOT / "docs" / "events.md"


def test_the_schema_is_that_of_the_code() -> None:
    published = (ROOT / "docs" / "events.schema.json").read_text()
    assert published == schema(), "docs/events.schema.json is stale: run `make docs`."


def test_the_page_names_every_field() -> None:
    [chapter] = [chapter for chapter in chapters(PAGE) if chapter.title == "The envelope"]
    text = PAGE.read_text().split(f"## {chapter.title}")[1].split("\n## ")[0]
    assert [name for name in Envelope.model_fields if f"`{name}`" not in text] == []


@pytest.fixture
def of_page(monkeypatch: pytest.MonkeyPatch) -> Handlers:
    """The handlers of the page's blocks."""
    found = Handlers()
    monkeypatch.setattr("sagas.bus.events.handlers", found)
    for chapter in chapters(PAGE):
        for block in chapter.blocks:
            if block.language == "python":
                exec(block.compiled(), {"__name__": "shop.handlers"})
    return found


@pytest.mark.django_db(transaction=True)
def test_the_handlers_of_the_page(of_page: Handlers, define: Any, committed: Any) -> None:
    def call(name: str, event: Event) -> None:
        handler = of_page.find(f"shop.handlers.{name}")
        assert handler is not None
        assert handler.wants(event.routing_key)
        handling.handle(handler, event)
        handling.handle(handler, event)

    define(SHOP)
    completed("s")
    last = queries.committed_event("s", written("s"))
    assert last is not None
    key = "order_processing.saga.completed"
    call("note_completed", Event("1", key, envelope(last)))
    assert Group.objects.get().name == "bought s"

    define(Saga("greeting", [WaitFor("payment"), SagaStep("greet", nothing)]))
    call("process", Event("7", "order.created", {"id": "7", "data": {"order_id": 7}}))
    assert SagaExecution.objects.get(saga_id="order-7").context == {"order": 7}
    engine.wake(10)
    paid = {"saga_id": "order-7", "amount": 5}
    call("tell", Event("8", "payment.made", {"id": "8", "data": paid}))
    assert SagaExecution.objects.get(saga_id="order-7").context == {"order": 7, "payment": 5}
