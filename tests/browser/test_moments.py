"""The slider back in time is answered in the browser: by keys, at once, and where it came to rest is kept."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.test_journeys import settled, visit

PAINTED = """(slider) => new Promise((done) => {
  const root = slider.getRootNode(), before = performance.now();
  slider.stepDown();
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  done([root.querySelector("b").textContent, performance.now() - before]);
})"""


def test_every_moment_is_answered_without_the_server(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/?task=icu_mortality&record=900005")
    expect(page.get_by_role("link", name="What-if", exact=True)).to_be_visible(timeout=60_000)
    settled(page)
    visit(page, "What-if")
    page.get_by_text("Go back in time").click()
    slider = page.get_by_role("slider", name="Moment")
    expect(slider).to_be_visible(timeout=60_000)
    settled(page)
    expect(slider).to_have_value("23")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^as of hour 24: \d+ %$"))
    slider.press("ArrowLeft")
    expect(page.get_by_text("as of hour 23", exact=True)).to_be_visible()
    # Within one task of the browser: no answer of the server can have come in between.
    assert slider.evaluate(PAINTED)[0] == "as of hour 22"
    slider.press("End")
    expect(page.get_by_text("Everything was known: this is the whole record.")).to_be_visible()
    settled(page)
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^as of hour 1: \d+ %$"))
    page.wait_for_timeout(1500)
    settled(page)
    visit(page, "Model")
    visit(page, "What-if")
    expect(slider).to_have_value("0", timeout=60_000)
