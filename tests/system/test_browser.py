"""The JavaScript client and the live page, in a real browser: Chromium without a window."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.system.running import Running

FOLLOW = """([sagaId, token]) => new Promise((resolve) => {
    const seen = { events: [], snapshots: 0 };
    import("/static/sagas/saga-progress.js").then(({ followSaga }) => followSaga(sagaId, {
        token,
        onSnapshot: () => (seen.snapshots += 1),
        onEvent: (event) => seen.events.push(event.seq),
        onEnd: (end) => resolve({ ...seen, end }),
        onError: (error) => resolve({ ...seen, error }),
    }));
})"""


@pytest.fixture
def page(chromium: Browser, running: Running, browser: httpx.Client) -> Iterator[Page]:
    """A tab of somebody of the staff who is logged in."""
    with chromium.new_context(base_url=running.web_url) as context:
        context.set_default_timeout(30_000)
        key = browser.cookies["sessionid"]
        context.add_cookies([{"name": "sessionid", "value": key, "url": running.web_url}])
        yield context.new_page()


def numbers(page: Page) -> list[int]:
    """The events that the live page shows, from top to bottom."""
    rows = "[...document.querySelectorAll('#events tr')].map((row) => Number(row.dataset.seq))"
    found: list[int] = page.evaluate(rows)
    return found


def wait_for_rows(page: Page, count: int) -> None:
    page.wait_for_function(f"document.querySelectorAll('#events tr').length >= {count}")


def test_the_page_goes_on_after_the_server_was_killed(running: Running, page: Page) -> None:
    saga_id = running.start("slow", {"a": "wait", "b": "wait"})
    page.goto(f"/live/{saga_id}")
    wait_for_rows(page, 4)
    running.supervisor.kill("web")
    page.wait_for_function("document.getElementById('line').textContent.startsWith('cut off')")
    running.open_gate(saga_id, "a")
    running.supervisor.restart("web")
    wait_for_rows(page, 7)
    running.open_gate(saga_id, "b")
    page.wait_for_function("document.getElementById('line').textContent === 'It has ended.'")
    last = running.show(saga_id)["last_seq"]
    assert numbers(page) == list(range(1, last + 1))
    assert page.inner_text("#status") == "completed"
    assert page.inner_text("#steps").split() == ["a", "succeeded", "b", "succeeded"]


def test_without_sockets_it_falls_back_to_server_sent_events(running: Running, page: Page) -> None:
    page.add_init_script("delete window.WebSocket")
    saga_id = running.start("slow", {"a": "wait", "b": "wait"})
    page.goto(f"/live/{saga_id}")
    wait_for_rows(page, 4)
    running.supervisor.kill("web")
    running.supervisor.restart("web")
    running.open_gate(saga_id, "a")
    running.open_gate(saga_id, "b")
    page.wait_for_function("document.getElementById('line').textContent === 'It has ended.'")
    assert numbers(page) == list(range(1, running.show(saga_id)["last_seq"] + 1))


@pytest.mark.parametrize("without", ["", "delete window.WebSocket"])
def test_a_token_counts_where_there_is_no_session(
    running: Running, chromium: Browser, without: str
) -> None:
    saga_id = running.start()
    last = running.end_of(saga_id)["last_seq"]
    with chromium.new_context(base_url=running.web_url) as context:
        page = context.new_page()
        page.add_init_script(without)
        page.goto("/live/nobody")
        seen: dict[str, Any] = page.evaluate(FOLLOW, [saga_id, running.token])
        assert seen["events"] == list(range(1, last + 1))
        assert (seen["snapshots"], seen["end"]["status"]) == (1, "completed")
        refused: dict[str, Any] = page.evaluate(FOLLOW, [saga_id, "forged"])
        assert refused["error"]["code"] == 4401
        unknown: dict[str, Any] = page.evaluate(FOLLOW, ["nobody", running.token])
        assert unknown["error"]["code"] == 4404


def test_the_page_says_why_it_shows_nothing(running: Running, page: Page) -> None:
    page.goto("/live/nobody")
    page.wait_for_function("document.getElementById('problem').textContent.includes('4404')")
