"""Every page by axe-core in Chromium: WCAG 2.2 A and AA, light and dark, on a desk and on a phone; and no page wider
than the screen, from 390 to 1920 px."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from tests.app.screen import PAGES
from tests.browser.test_journeys import DESK, PHONE, WIDE, fits, settled

OF_MANY = ("cohort", "compare", "teaching", "agreement")
"""Pages that look the same whatever the question is."""
LOOKS = [
    (place, theme, task)
    for place in ("", *PAGES[1:])
    for theme, task in (("light", "icu_mortality"), ("light", "icu_alarm"), ("dark", "icu_alarm"))
    if not (place in OF_MANY and (theme, task) == ("light", "icu_alarm"))
]
Theme = Literal["light", "dark"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
GRAVE = ("serious", "critical")


@pytest.fixture
def themed(browser: Browser, theme: Theme) -> Iterator[Page]:
    context = browser.new_context(color_scheme=theme, reduced_motion="reduce", viewport=DESK)
    yield context.new_page()
    context.close()


def findings(page: Page) -> list[str]:
    """Serious and critical ones, each with the element that it is about."""
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [
        f"{item['id']}: {node['html'][:200]}" for item in found if item["impact"] in GRAVE for node in item["nodes"]
    ]


def lasting(page: Page) -> list[str]:
    """Findings once the page is at rest: while it is drawn anew Streamlit lets what stood there fade."""
    found: list[str] = []
    for _ in range(4):
        page.wait_for_function("() => !document.querySelector('[data-stale=true]')", timeout=60_000)
        found = findings(page)
        if not found:
            break
        page.wait_for_timeout(2_000)
    return found


@pytest.mark.parametrize(("place", "theme", "task"), LOOKS)
def test_no_serious_finding_and_nothing_wider_than_the_screen(
    themed: Page, app_url: str, place: str, task: str
) -> None:
    themed.goto(f"{app_url}/{place}?task={task}")
    themed.locator(".stMain h1").first.wait_for(timeout=60_000)
    sizes: tuple[ViewportSize, ...] = (DESK, PHONE, WIDE)
    for size in sizes:
        themed.set_viewport_size(size)
        settled(themed)
        fits(themed, size)
        if size != WIDE:
            assert lasting(themed) == []


@pytest.mark.parametrize("theme", ["light"])
def test_a_page_with_a_fault_is_caught(themed: Page) -> None:
    themed.set_content("<html lang='en'><title>t</title><body><img src='x.png'><p style='color:#ccc'>faint</p></body>")
    said = " ".join(findings(themed))
    assert "image-alt" in said
    assert "color-contrast" in said
