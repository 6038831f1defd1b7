"""docs/clients.md does what it shows."""

import doctest
import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from sagas import Context
from sagas.services.calling import in_step
from tests.configured import configure
from tests.pages import ROOT, chapters
from tests.services.peers import Peer, http

PAGE = ROOT / "docs" / "clients.md"
ANSWERS = {
    "/orders/order%207/quote": {"price_cents": 490},
    "/parcels": {"parcel_id": "parcel-1"},
    "/parcels/call-back": {"undone": True},
}


@pytest.fixture
def shipping(peer: Callable[..., Peer], settings: Any) -> Peer:
    service = peer()

    def answer(connection: Any) -> None:
        path = service.target().split(" ")[1]
        http(200, json.dumps(ANSWERS[path]).encode())(connection)

    service.answer = answer
    configure(settings, SERVICE_URLS={"shipping": service.url})
    return service


def test_the_page_does_what_it_shows(shipping: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
    names: dict[str, Any] = {}
    shown = 0
    for block in (block for chapter in chapters(PAGE) for block in chapter.blocks):
        if block.file:
            module = ModuleType(block.file.removesuffix(".py").replace("/", "."))
            monkeypatch.setitem(sys.modules, module.__name__, module)
            exec(block.compiled(), vars(module))
            names |= vars(module)
        elif block.language == "pycon":
            test = doctest.DocTestParser().get_doctest(
                block.text, names, block.place(), str(PAGE), block.line
            )
            doctest.DebugRunner().run(test, clear_globs=False)
            shown += len(test.examples)
        else:
            assert block.options == ("not-run",), block.place()
    assert shown == 4
    with in_step("s-1:send_parcel:action", "s-1"):
        assert names["send_parcel"]({"order_id": "7", "address": "a"}) == {"parcel_id": "parcel-1"}
    with in_step("s-1:send_parcel:compensation", "s-1"):
        names["stop_parcel"](Context({"action_key": "s-1:send_parcel:action"}))
    assert shipping.body() == {"undoes": "s-1:send_parcel:action"}
    assert shipping.headers()["idempotency-key"] == "s-1:send_parcel:compensation"
