"""Chromium, as the tests of pages drive it."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    if not path:
        reason = "There is no Chromium on the PATH: install one (apt install chromium)."
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps a loop in this thread, and Django would take the tests for async code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        # As root, Chromium's own sandbox refuses to start; the pages are ours.
        arguments = ["--no-sandbox", "--no-proxy-server"]
        found = playwright.chromium.launch(executable_path=path, args=arguments)
        yield found
        found.close()


def tab(context: BrowserContext, complaints: list[str]) -> Page:
    """A tab that notes errors of the script, and what the page's policy did not allow."""
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: (
            complaints.append(said.text) if "Content Security Policy" in said.text else None
        ),
    )
    page.set_default_timeout(30_000)
    return page
