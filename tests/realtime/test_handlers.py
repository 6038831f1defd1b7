"""What a handler may be, and the commands."""

from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection

from sagas import engine
from sagas.broker.checks import check_bus
from sagas.bus import events
from sagas.bus.events import Event, Handler, Handlers, on_event
from tests.configured import configure
from tests.realtime.sagas_of_tests import SHOP


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Handlers:
    """An empty registry; the application's own handlers are in the real one."""
    events.handlers.discover()
    found = Handlers()
    monkeypatch.setattr(events, "handlers", found)
    return found


def nothing(event: Event) -> None:
    """What these handlers do."""


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("shop.saga.completed", "shop.saga.completed", True),
        ("shop.saga.completed", "shop.saga.completed.x", False),
        ("shop.*.completed", "shop.saga.completed", True),
        ("shop.*", "shop.saga.completed", False),
        ("shop.#", "shop.saga.completed", True),
        ("shop.#", "shop", True),
        ("#.completed", "shop.saga.completed", True),
        ("#", "", True),
        ("*", "a.b", False),
        ("#.saga.#", "a.b.saga", True),
        ("a.b", "aXb", False),
    ],
)
def test_a_pattern_matches_as_in_a_topic_exchange(pattern: str, key: str, expected: bool) -> None:
    assert Handler("h", nothing, (pattern,), "", True, 1).wants(key) is expected


def test_a_handler_is_called_after_its_place(known: Handlers) -> None:
    assert on_event("a.b", "c")(nothing) is nothing
    [found] = known
    assert found.name == "tests.realtime.test_handlers.nothing"
    assert found.patterns == ("a.b", "c")
    on_event("a.b", "c")(nothing)
    assert len(list(known)) == 1, "imported twice"


@pytest.mark.parametrize(
    ("patterns", "options"),
    [
        ([], {}),
        (["a b"], {}),
        (["a..b"], {}),
        (["a*"], {}),
        ([""], {}),
        (["a"], {"name": "two words"}),
        (["a"], {"name": "n" * 201}),
        (["a"], {"max_tries": 0}),
        (["a"], {"name": "taken"}),
    ],
)
def test_what_can_not_be_a_handler(
    known: Handlers, patterns: list[str], options: dict[str, Any]
) -> None:
    on_event("a", name="taken")(lambda event: None)
    with pytest.raises(ValueError, match=r"pattern|name|called"):
        on_event(*patterns, **options)(nothing)


def test_consume_says_what_is_wrong(known: Handlers, settings: LazySettings) -> None:
    with pytest.raises(CommandError, match=r"No app has a handlers\.py"):
        call_command("saga", "consume")
    on_event("a.#", name="mine")(nothing)
    with pytest.raises(CommandError, match="Known: mine"):
        call_command("saga", "consume", "--handler", "yours")
    said = StringIO()
    call_command("saga", "consume", "--list", stdout=said)
    assert said.getvalue() == "mine: a.#\n"
    configure(settings, EVENTS_URL="")
    with pytest.raises(CommandError, match="EVENTS_URL is empty"):
        call_command("saga", "consume")


@pytest.mark.django_db(transaction=True)
def test_relay_tells_how_far_the_bus_is_behind(
    define: Any, committed: Any, settings: LazySettings
) -> None:
    define(SHOP)
    said = StringIO()
    call_command("saga", "relay", "--at-most", "1", stdout=said)
    assert said.getvalue().startswith("0 events of 0 sagas wait")
    started = engine.start("shop", {})
    with_old = "UPDATE sagas_sagaevent SET at = at - interval '1 hour' WHERE execution_id = %s"
    with connection.cursor() as cursor:
        cursor.execute(with_old, [started.execution_id])
    with pytest.raises(CommandError, match=r"of 1 sagas wait, the oldest for 3600\.\d s"):
        call_command("saga", "relay", "--at-most", "60")
    configure(settings, EVENTS_URL="")
    with pytest.raises(CommandError, match="no event bus"):
        call_command("saga", "relay")


def test_a_broker_that_the_bus_can_not_use_is_an_error(settings: LazySettings) -> None:
    for url in ("redis://x", "amqp://x", ""):
        configure(settings, EVENTS_URL=url)
        assert check_bus() == []
    configure(settings, EVENTS_URL="sqs://x")
    [found] = check_bus()
    assert found.id == "sagas.E005"
