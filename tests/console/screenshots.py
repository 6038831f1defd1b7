"""Pictures of the console for docs/images: `make screenshots`. Not a test: it asserts nothing."""

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

PAGES: Final = {
    "home": "/",
    "sagas": "/sagas/",
    "empty": "/sagas/?tag=nothing-has-it",
    "turning-back": "/sagas/order-7/",
    "fan-out": "/sagas/labels-2026-05/",
    "waiting": "/sagas/credit-c-118/",
    "stuck": "/sagas/order-8/",
    "completed": "/sagas/order-1/",
    "tour": "/sagas/tour-9/",
    "retrying": "/sagas/order-6/",
    "cancel": "/sagas/order-6/cancel/",
    "signal": "/sagas/credit-c-118/signal/",
    "not-found": "/sagas/no-such-saga/",
}
SIZES: Final[dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_take(web: str, chromium: Browser, size: str, scheme: Any) -> None:
    anna = new_user("anna", "administer_saga")
    scenes.of_every_kind(owner_id=anna.pk)
    wanted = os.environ.get("ONLY", "").split(",") if os.environ.get("ONLY") else [*PAGES]
    with chromium.new_context(base_url=web, color_scheme=scheme, **SIZES[size]) as context:
        take(context, "login", "/login/", f"{size}-{scheme}")
        log_in(context)
        for name in wanted:
            take(context, name, PAGES[name], f"{size}-{scheme}")


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
