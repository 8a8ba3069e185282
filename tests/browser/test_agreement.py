"""A study in three browsers at once: a leader and two raters, from the code to the results, also on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_accessibility import GRAVE, RULES
from tests.browser.test_journeys import DESK, PATIENCE_MS, PHONE, drawn, fits, settled

RECORDS = 2
COMMENT = "The pressure trace is damped."


@pytest.fixture
def raters(browser: Browser) -> Iterator[tuple[Page, Page]]:
    """One at a desk in the light, one on a phone in the dark."""
    desk = browser.new_context(viewport=DESK, reduced_motion="reduce")
    phone = browser.new_context(viewport=PHONE, reduced_motion="reduce", color_scheme="dark", has_touch=True)
    yield desk.new_page(), phone.new_page()
    desk.close()
    phone.close()


def findings(page: Page) -> list[str]:
    """What axe-core finds on the page itself; frame and navigation are the same on all pages, and judged there."""
    page.wait_for_function("() => !document.querySelector('[data-stale=true]')", timeout=PATIENCE_MS)
    found = Axe().run(page, context=".stMain", options={"runOnly": RULES}).response["violations"]
    return [
        f"{item['id']}: {node['html'][:200]}" for item in found if item["impact"] in GRAVE for node in item["nodes"]
    ]


def rank(page: Page, reverse: bool) -> None:
    """A place for each modality, in the order in which they are asked or the other way round."""
    groups = page.locator(".st-key-agreement_places").get_by_role("radiogroup")
    expect(groups.first).to_be_visible(timeout=PATIENCE_MS)
    settled(page)
    count = groups.count()
    for k in range(count):
        place = groups.nth(k).get_by_role("radio", name=str(count - k if reverse else k + 1), exact=True)
        place.click()
        expect(place).to_be_checked(timeout=PATIENCE_MS)
    expect(page.get_by_text("Your order:")).to_be_visible(timeout=PATIENCE_MS)
    settled(page)


def commit(page: Page) -> None:
    page.get_by_role("button", name="Commit this ranking").click()
    expect(page.get_by_role("heading", name="Your order beside the model's")).to_be_visible(timeout=PATIENCE_MS)
    settled(page)


def test_two_raters_commit_before_they_see_the_model_and_then_the_results(
    page: Page, raters: tuple[Page, Page], app_url: str
) -> None:
    page.goto(f"{app_url}/agreement?task=icu_alarm")
    how_many = page.get_by_role("spinbutton", name="How many")
    how_many.fill(str(RECORDS), timeout=PATIENCE_MS)
    how_many.press("Enter")
    settled(page)
    page.get_by_role("button", name="Start the study").click()
    code = page.locator(".fs-code strong").inner_text(timeout=PATIENCE_MS)
    expect(page.get_by_text("Nobody has committed a ranking yet.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page).to_have_url(re.compile(rf"room={code}$"))

    for rater, reverse in zip(raters, (False, True), strict=True):
        rater.goto(f"{app_url}/agreement?room={code}")
        rater.get_by_role("button", name="Take part", exact=True).click(timeout=PATIENCE_MS)
        expect(rater.get_by_role("heading", name=f"Record 1 of {RECORDS}")).to_be_visible(timeout=PATIENCE_MS)
        settled(rater)
        drawn(rater, "waveforms_agreement")
        assert "Shapley" not in rater.locator(".stApp").inner_text()
        expect(rater.get_by_role("combobox", name="Record")).to_have_count(0)
        fits(rater, rater.viewport_size or DESK)
        assert findings(rater) == []
        rank(rater, reverse)

        name = rater.get_by_text(re.compile("you are")).inner_text()
        rater.reload()
        expect(rater.get_by_text(re.compile("you are"))).to_have_text(name, timeout=PATIENCE_MS)
        settled(rater)
        rank(rater, reverse)
        commit(rater)
        drawn(rater, "agreement_places_chart")
        fits(rater, rater.viewport_size or DESK)
        expect(rater.get_by_role("button", name="To the results")).to_have_count(0)

        rater.get_by_role("button", name="Next record").click()
        expect(rater.get_by_role("heading", name=f"Record 2 of {RECORDS}")).to_be_in_viewport(timeout=PATIENCE_MS)
        settled(rater)
        rank(rater, reverse)
        commit(rater)
        if reverse:
            rater.get_by_role("textbox", name=re.compile("^Where you disagree")).fill(COMMENT)
            rater.get_by_role("button", name="Keep this comment").click()
            expect(rater.get_by_text(f"You wrote: “{COMMENT}”")).to_be_visible(timeout=PATIENCE_MS)
        rater.get_by_role("button", name="To the results").click()
        drawn(rater, "agreement_taus")
        settled(rater)
        fits(rater, rater.viewport_size or DESK)
        assert findings(rater) == []

    # The leader's page looks for answers by itself.
    expect(page.get_by_text("2 participants, 4 rankings")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("from 2 raters and")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".fs-prose").get_by_text(COMMENT)).to_have_count(1)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="All rankings as CSV").click()
    written = waiting.value.path().read_text(encoding="utf-8")
    assert written.startswith("# Research and education only; not for diagnosis.")
    assert written.count(COMMENT) >= 3
    page.get_by_role("button", name="Close the study").click()
    page.get_by_role("button", name="Close it now").click()
    expect(page.get_by_text("This study is closed").first).to_be_visible(timeout=PATIENCE_MS)
    settled(page)
