"""The dashboard starts, paints, and speaks to no other machine."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect


def test_the_dashboard_paints_and_asks_no_other_host(page: Page, app_url: str) -> None:
    asked: set[str | None] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).hostname))

    page.goto(app_url)

    expect(page.get_by_test_id("stAppViewContainer")).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    assert asked <= {"127.0.0.1", None}
