"""Two people's sessions in a real browser: Chromium without a window. Alice on a phone, by the one
web process; Anna of the staff at a desk, by the other."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page

from realtime import conversations
from sagas import engine
from tests.chromium import tab
from tests.tracking.conftest import PASSWORD, Crew, Webs, do

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tabs(chromium: Browser, webs: Webs) -> Iterator[tuple[Page, Page]]:
    complaints: list[str] = []
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with (
        chromium.new_context(base_url=webs.urls[0], **phone) as one,  # type: ignore[arg-type]
        chromium.new_context(base_url=webs.urls[1]) as two,
    ):
        yield tab(one, complaints), tab(two, complaints)
    assert complaints == []


def log_in(page: Page, user: Any, to: str) -> None:
    page.goto(to)
    page.fill("[name=username]", user.get_username())
    page.fill("[name=password]", PASSWORD)
    page.click("text=Log in >> nth=-1")


def wait_for_line(page: Page, text: str) -> None:
    page.wait_for_function(
        "text => document.getElementById('line').textContent.startsWith(text)", arg=text
    )


@pytest.fixture
def both(tabs: tuple[Page, Page], crew: Crew, order: str) -> tuple[Page, Page]:
    """Alice and Anna on the page of Alice's order, live."""
    alice, anna = tabs
    log_in(alice, crew.alice, f"/orders/{order}/")
    log_in(anna, crew.anna, "/orders/")
    anna.click(f"text={order}")
    anna.click("text=Join this order")
    for page in tabs:
        wait_for_line(page, "live")
    return alice, anna


def say(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.click("text=Send >> nth=-1")


LINES = """() => [...document.querySelectorAll('#messages li:not(.notice)')].map(
    (row) => row.querySelector('p').textContent + (row.dataset.number ? '' : ' (not sent)'))"""


def lines(page: Page) -> list[str]:
    found: list[str] = page.evaluate(LINES)
    return found


def wait_for_lines(page: Page, *expected: str) -> None:
    """Until these are what was said, in this order, each once; and nothing waits to be sent."""
    page.wait_for_function(
        f"expected => JSON.stringify(({LINES})()) === JSON.stringify(expected)", arg=expected
    )


def test_they_talk_while_the_order_goes_on(both: tuple[Page, Page], order: str) -> None:
    alice, anna = both
    alice.locator("#text").press_sequentially("Is it the blue one?")
    anna.wait_for_function(
        "() => document.getElementById('writing').textContent.includes('is writing')"
    )
    alice.click("text=Send >> nth=-1")
    wait_for_lines(anna, "Is it the blue one?")
    say(anna, "<script>alert(1)</script> It is.")
    for page in both:
        wait_for_lines(page, "Is it the blue one?", "<script>alert(1)</script> It is.")
    for page in both:
        page.wait_for_function("() => document.querySelectorAll('#people i').length === 1")
    for step in ("validate_user", "reserve_inventory", "process_payment"):
        do(order, step)
        for page in both:
            page.wait_for_selector(f"li.done[data-step={step}]")
    engine.cancel(order, by="anna", reason="as asked")
    for page in both:
        page.wait_for_selector("#why.undoing")
        page.wait_for_selector("li:is(.undoing, .waiting)[data-step=process_payment]")


def test_a_cut_loses_nothing_and_doubles_nothing(
    both: tuple[Page, Page], webs: Webs, order: str
) -> None:
    alice, anna = both
    said = ["one"]
    say(alice, "one")
    wait_for_lines(anna, *said)
    for round_ in range(2):
        # In the middle of a message: whether it was written is not known to its sender.
        say(alice, f"sent as the server dies {round_}")
        with webs.killed("web-1"):
            wait_for_line(alice, "connection lost")
            say(anna, f"while Alice is away {round_}")
            anna.wait_for_function("() => !document.querySelector('.pending')")
            say(alice, f"written without a server {round_}")
            do(order, ("validate_user", "reserve_inventory")[round_])
            assert alice.locator("#messages .pending").count() > 0
        wait_for_line(alice, "live")
        alice.wait_for_function("() => !document.querySelector('.pending')")
        last = f"written without a server {round_}"
        anna.wait_for_function(
            f"() => document.getElementById('messages').innerText.includes('{last}')"
        )
        found = lines(anna)
        assert sorted(found[len(said) :]) == sorted(
            [f"sent as the server dies {round_}", f"while Alice is away {round_}", last]
        )
        said = found
        wait_for_lines(alice, *said)
    alice.wait_for_selector("li.done[data-step=reserve_inventory]")
    for page in both:
        page.reload()
        wait_for_line(page, "live")
        wait_for_lines(page, *said)


def test_what_was_not_sent_outlives_a_load(both: tuple[Page, Page], webs: Webs) -> None:
    alice, _ = both
    with webs.killed("web-1"):
        wait_for_line(alice, "connection lost")
        say(alice, "before the load")
    alice.reload()
    for page in both:
        wait_for_lines(page, "before the load")


def test_who_reads_above_is_not_moved(both: tuple[Page, Page], crew: Crew, order: str) -> None:
    alice, anna = both
    for number in range(25):
        conversations.say(order, crew.alice, uuid4(), f"line {number}\nof several\nlines")
    anna.wait_for_function("() => document.querySelectorAll('#messages li').length >= 26")
    anna.evaluate("document.getElementById('scroll').scrollTop = 0")
    say(alice, "Are you reading this?")
    anna.wait_for_selector("#pill:visible")
    assert anna.inner_text("#pill") == "1 new"
    assert anna.evaluate("document.getElementById('scroll').scrollTop") == 0
    anna.click("#pill")
    anna.wait_for_selector("#pill", state="hidden")


def test_who_is_taken_off_is_told(both: tuple[Page, Page], crew: Crew, order: str) -> None:
    _, anna = both
    conversations.leave(order, crew.anna)
    wait_for_line(anna, "You are no longer on this order.")
    assert anna.is_disabled("#text")


def test_a_phone_is_wide_enough(both: tuple[Page, Page]) -> None:
    alice, _ = both
    assert alice.evaluate("document.documentElement.scrollWidth") == 390
