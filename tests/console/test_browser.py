"""One saga in a real browser: Chromium without a window, on a web process of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from sagas import engine
from tests.chromium import tab
from tests.console import scenes
from tests.console.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

Log = list[str]


@pytest.fixture
def page(chromium: Browser, web: str, anna: Any) -> Iterator[Page]:
    complaints: Log = []
    with chromium.new_context(base_url=web, viewport={"width": 1280, "height": 700}) as context:
        found = tab(context, complaints)
        log_in(found, anna)
        yield found
    assert complaints == []


def log_in(page: Page, user: Any) -> None:
    page.goto("/login/")
    page.fill("[name=username]", user.get_username())
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_selector("h1:has-text('What needs me')")


def wait_for_live(page: Page) -> None:
    page.wait_for_function("() => document.getElementById('line')?.textContent === 'live'")


def wait_for_step(page: Page, step: str, tone: str) -> None:
    page.wait_for_selector(f".graph g.step.{tone}[data-step={step}]")


LINES = "() => [...document.querySelectorAll('#story li')].map((row) => row.dataset.seq)"


def test_a_saga_is_watched_turned_back_and_seen_to_its_end(page: Page) -> None:
    pk = scenes.start("checkout", "order-1")
    page.keyboard.press("/")
    page.keyboard.type("order-1")
    page.keyboard.press("Enter")
    wait_for_live(page)
    wait_for_step(page, "check_customer", "due")
    scenes.succeed(pk, "check_customer", "reserve_stock")
    wait_for_step(page, "reserve_stock", "done")
    page.wait_for_selector(".graph .undo.would:has-text('release_stock')")
    scenes.succeed(pk, "pack")
    scenes.fail(pk, "charge_card")
    page.wait_for_selector("#story li.retry:has-text('no answer within 5 s')")
    page.wait_for_selector("[data-part=why]:has-text('charge_card')")

    page.click("text=Cancel saga")
    page.wait_for_selector("text=Undoes 3 steps, leaves 1 that has nothing to undo.")
    drawn = page.locator(".graph .undo.would .nm").all_text_contents()
    assert sorted(drawn) == ["↺ refund", "↺ release_stock", "↺ unpack"]
    page.click("text=Cancel saga >> nth=-1")
    assert page.eval_on_selector("textarea", "box => box.matches(':invalid')"), "no reason, no deed"
    page.fill("textarea", "the customer has called")
    page.click("main button.danger")

    page.wait_for_selector(".chip.back:has-text('turning back')")
    wait_for_live(page)
    scenes.succeed(pk, "charge_card", "pack", direction=scenes.BACK)
    page.wait_for_selector(".graph .undo.back:has-text('unpack')")
    scenes.succeed(pk, "reserve_stock", direction=scenes.BACK)
    page.wait_for_selector(".chip:has-text('undone')")
    page.wait_for_selector("[data-part=why]:has-text('All that had to be undone is undone.')")
    assert page.locator(".acts").count() == 0, "nothing is left to do"
    seen = page.evaluate(LINES)
    page.reload()
    assert page.evaluate(LINES) == seen, "no gap, and no line twice"
    assert seen == sorted(set(seen), key=int)


def test_a_cut_loses_nothing(page: Page) -> None:
    pk = scenes.start("checkout", "order-1")
    page.goto("/sagas/order-1/")
    wait_for_live(page)
    page.context.set_offline(True)
    page.evaluate("() => window.dispatchEvent(new Event('offline'))")
    scenes.succeed(pk, "check_customer", "reserve_stock")
    page.context.set_offline(False)
    wait_for_step(page, "reserve_stock", "done")
    scenes.succeed(pk, "pack")
    wait_for_step(page, "pack", "done")
    seen = page.evaluate(LINES)
    assert seen == sorted(set(seen), key=int)


def test_what_is_open_stays_open_and_who_reads_above_is_not_moved(page: Page) -> None:
    scenes.start("checkout", "order-1")
    for number in range(20):
        engine.pause("order-1", by="anna", reason=f"reason {number}")
        engine.resume("order-1", by="anna", reason=f"reason {number}")
    page.goto("/sagas/order-1/")
    wait_for_live(page)
    page.evaluate("() => (document.getElementById('story').scrollTop = 0)")
    page.click("#story summary >> nth=1")
    engine.pause("order-1", by="anna", reason="a last one")
    page.wait_for_selector("#pill:visible")
    assert page.inner_text("#pill") == "1 new"
    assert page.evaluate("document.getElementById('story').scrollTop") < 40
    assert page.locator("#story details[open]").count() == 1
    page.click("#pill")
    page.wait_for_selector("#pill", state="hidden")
    page.wait_for_selector("text=a last one >> visible=true")


def test_no_more_than_four_paints_a_second(page: Page) -> None:
    """By the page's own clock, when it asks; each answer is one paint."""
    scenes.start("checkout", "order-1")
    page.goto("/sagas/order-1/")
    wait_for_live(page)
    page.evaluate(
        """() => {
            window.asked = [];
            window.painted = 0;
            const live = document.getElementById("live");
            const note = () => window.asked.push(performance.now());
            document.addEventListener("news", note, true);
            live.addEventListener("htmx:beforeSwap", () => (window.painted += 1));
        }"""
    )
    for number in range(60):
        engine.pause("order-1", by="anna", reason=f"reason {number}")
        engine.resume("order-1", by="anna", reason=f"reason {number}")
    page.wait_for_selector("#story li:has-text('reason 59') >> nth=1")
    asked, painted = page.evaluate("() => [window.asked, window.painted]")
    assert 0 < painted <= len(asked) < 120
    seconds = [fifth - first for first, fifth in zip(asked, asked[4:], strict=False)]
    # A second, but for what passes between the page's look at the clock and this test's.
    assert all(each > 950 for each in seconds), asked


PAGES = ("/", "/sagas/", "/sagas/order-7/", "/sagas/labels-2026-05/", "/sagas/order-6/cancel/")


def test_a_phone_is_wide_enough(chromium: Browser, web: str, anna: Any) -> None:
    scenes.of_every_kind(8)
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with chromium.new_context(base_url=web, **phone) as context:  # type: ignore[arg-type]
        page = context.new_page()
        log_in(page, anna)
        for path in PAGES:
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") == 390, path


def test_it_can_be_read_without_a_script(chromium: Browser, web: str, anna: Any) -> None:
    scenes.of_every_kind(8)
    with chromium.new_context(base_url=web, java_script_enabled=False) as context:
        page = context.new_page()
        log_in(page, anna)
        page.fill("#find", "order-6")
        page.keyboard.press("Enter")
        page.wait_for_url("**/sagas/order-6/")
        assert page.locator(".graph g.step").count() == 7
        page.click("text=Cancel saga")
        page.fill("textarea", "as asked")
        page.click("main button.danger")
        page.wait_for_selector(".chip:has-text('turning back')")
        page.click("#story summary >> nth=0")
        assert page.locator("#story pre >> visible=true").count() >= 1
