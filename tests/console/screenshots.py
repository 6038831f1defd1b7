"""Pictures of the console for docs/images: `make screenshots`. Not a test: it asserts nothing.

`SCREENSHOTS=folder` takes them into another folder, and those of all other pages, too.
"""

import os
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.console import scenes
from tests.console.conftest import PASSWORD, new_user
from tests.pages import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

FOLDER: Final = Path(os.environ.get("SCREENSHOTS", ROOT / "docs" / "images"))

IN_DOCS: Final = {
    "home": "/",
    "sagas": "/sagas/",
    "turning-back": "/sagas/order-7/",
    "fan-out": "/sagas/labels-2026-05/",
    "cancel": "/sagas/order-6/cancel/",
}
OTHERS: Final = {
    "filtered": "/sagas/?tag=vip&status=running",
    "empty": "/sagas/?tag=nothing-has-it",
    "wrong": "/sagas/?tag=not+a+tag",
    "waiting": "/sagas/credit-c-118/",
    "stuck": "/sagas/order-8/",
    "undone": "/sagas/order-4/",
    "completed": "/sagas/order-1/",
    "tour": "/sagas/tour-9/",
    "retrying": "/sagas/order-6/",
    "signal": "/sagas/credit-c-118/signal/",
    "skip": "/sagas/order-6/skip/",
    "refused": "/sagas/order-8/cancel/",
    "not-found": "/sagas/no-such-saga/",
}
SIZES: Final[dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "is_mobile": True,
        "has_touch": True,
    },
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_take(web: str, chromium: Browser, size: str, scheme: Any) -> None:
    anna = new_user("anna", "administer_saga")
    scenes.of_every_kind(owner_id=anna.pk)
    pages = IN_DOCS if "SCREENSHOTS" not in os.environ else {**IN_DOCS, **OTHERS}
    with chromium.new_context(base_url=web, color_scheme=scheme, **SIZES[size]) as context:
        log_in(context)
        for name, path in pages.items():
            take(context, name, path, f"{size}-{scheme}")


def log_in(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/login/")
    page.fill("[name=username]", "anna")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_selector("h1")
    page.close()


def take(context: BrowserContext, name: str, path: str, kind: str) -> None:
    page = context.new_page()
    page.goto(path)
    page.wait_for_load_state("load")
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}-{kind}.png", full_page=True, animations="disabled")
    page.close()
