"""A class in Chromium: one who leads and two who learn, each in a browser of their own, through a whole lesson."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_journeys import DESK, PATIENCE_MS, PHONE, fits, settled

LESSON, STEPS = "2-attention-is-not-contribution", 9
COMMITS = (2, 5)
"""Steps at which learners commit, counted from 1."""


@pytest.fixture
def browsers(browser: Browser) -> Iterator[tuple[Page, Page, Page]]:
    """Three people who share nothing: no cookies, no session."""
    contexts = [browser.new_context(viewport=size, reduced_motion="reduce") for size in (DESK, PHONE, DESK)]
    yield tuple(context.new_page() for context in contexts)  # type: ignore[misc]
    for context in contexts:
        context.close()


def at_step(page: Page, step: int) -> None:
    expect(page.get_by_text(f"step {step} of {STEPS}", exact=False).first).to_be_visible(timeout=PATIENCE_MS)
    settled(page)


def join(page: Page, link: str) -> str:
    """Into the room; the anonymous name."""
    page.goto(link)
    page.get_by_role("button", name="Join this room").click(timeout=PATIENCE_MS)
    at_step(page, 1)
    said = page.locator(".st-key-lesson_head").inner_text()
    return said.partition("you are")[2].strip()


def estimate(page: Page, percent: int, button: str) -> None:
    page.get_by_role("spinbutton").fill(str(percent))
    page.keyboard.press("Tab")
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_text(f"Kept: {percent} %")).to_be_visible(timeout=PATIENCE_MS)


def order(page: Page, first: str, second: str) -> None:
    box = page.get_by_role("combobox", name=re.compile("Your order of modalities"))
    for title in (first, second):
        box.fill(title)
        box.press("ArrowDown")
        page.get_by_role("option", name=title).first.click()
        expect(page.get_by_role("option", name=title)).to_have_count(0)
    box.press("Escape")


def test_a_lesson_by_three_browsers_at_once(browsers: tuple[Page, Page, Page], app_url: str, tmp_path: Path) -> None:
    teacher, ann, bob = browsers
    teacher.goto(f"{app_url}/teaching?lesson={LESSON}")
    teacher.get_by_role("button", name="Lead a class").click(timeout=PATIENCE_MS)
    code = teacher.locator(".fs-code").first.inner_text(timeout=PATIENCE_MS)
    assert teacher.url == f"{app_url}/teaching?room={code}"
    link = teacher.locator(".st-key-invitation pre code").inner_text()
    assert link == f"{app_url}/teaching?room={code}"
    expect(teacher.get_by_text("The link works on this computer only.")).to_be_visible()

    names = {join(ann, link), join(bob, link)}
    assert len(names) == 2
    for learner in (ann, bob):
        assert learner.url == f"{app_url}/teaching?room={code}"
        # The list of records shows the model's risks.
        expect(learner.get_by_text("Records from")).to_have_count(0)
    expect(teacher.get_by_text("2 in the room.")).to_be_visible(timeout=PATIENCE_MS)

    for step in range(2, STEPS + 1):
        teacher.get_by_role("button", name="Next", exact=True).click()
        expect(teacher.get_by_role("combobox", name=re.compile("Step that the room sees"))).to_have_value(
            re.compile(rf"^{step}\."), timeout=PATIENCE_MS
        )
        for learner, first in ((ann, 20), (bob, 90)):
            at_step(learner, step)
            if step in COMMITS:
                expect(learner.get_by_test_id("stMetricValue")).to_have_count(0)
                order(learner, "ECG", "PPG")
                estimate(learner, first, "Commit")
            elif step - 1 in COMMITS:
                expect(learner.get_by_test_id("stMetricValue").first).to_have_text(re.compile("%"))
                estimate(learner, 80, "Keep this as my final estimate")
        if step in COMMITS:
            expect(teacher.get_by_text("2 of 2 in the room have committed.")).to_be_visible(timeout=PATIENCE_MS)
            bars = teacher.locator('.st-key-live [class*="st-key-live_estimates"] .bars .point')
            expect(bars).to_have_count(2, timeout=PATIENCE_MS)
            expect(teacher.locator(".st-key-live")).not_to_contain_text("model")
        if step - 1 in COMMITS:
            expect(teacher.locator(".st-key-live")).to_contain_text(re.compile(r"model \S"), timeout=PATIENCE_MS)

    for page in browsers:
        settled(page)
        expect(page.get_by_text("People: 2.")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_text("Estimates before the model was shown: 4")).to_be_visible()
    fits(ann, PHONE)
    # (0.8² + 0.1²) / 2 before, for both alarms were true; 0.2² after.
    expect(teacher.get_by_test_id("stMetricValue").nth(0)).to_have_text("0.325")
    expect(teacher.get_by_test_id("stMetricValue").nth(1)).to_have_text("0.040")

    with teacher.expect_download() as download:
        teacher.get_by_role("button", name="Results as CSV").click()
    saved = tmp_path / "results.csv"
    download.value.save_as(saved)
    with saved.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["learner"] for row in rows} == names
    assert len(rows) == 8
    assert all(row["note"] == "Research and education only; not for diagnosis." for row in rows)

    bob.reload()
    at_step(bob, STEPS)
    teacher.reload()
    assert bob.locator(".st-key-lesson_head").inner_text().partition("you are")[2].strip() in names
    teacher.get_by_role("button", name="Close the room").click()
    teacher.get_by_role("button", name="Close it now").click()
    expect(ann.get_by_text("This room is closed")).to_be_visible(timeout=PATIENCE_MS)


def test_what_is_being_typed_outlives_the_looks_for_the_next_step(
    browsers: tuple[Page, Page, Page], app_url: str
) -> None:
    teacher, page, _ = browsers
    teacher.goto(f"{app_url}/teaching?lesson={LESSON}")
    teacher.get_by_role("button", name="Lead a class").click(timeout=PATIENCE_MS)
    code = teacher.locator(".fs-code").first.inner_text(timeout=PATIENCE_MS)
    teacher.get_by_role("button", name="Next", exact=True).click()
    expect(teacher.get_by_text("An alarm for a very fast heart").first).to_be_visible(timeout=PATIENCE_MS)
    page.goto(f"{app_url}/teaching?room={code}")
    page.get_by_role("button", name="Join this room").click(timeout=PATIENCE_MS)
    at_step(page, 2)
    box = page.get_by_role("combobox", name=re.compile("Your order of modalities"))
    page.get_by_role("spinbutton").press_sequentially("37")
    page.wait_for_timeout(5_000)
    expect(page.get_by_role("spinbutton")).to_have_value("37")
    box.press("ArrowDown")
    page.get_by_role("option", name="PPG").click()
    page.wait_for_timeout(5_000)
    expect(page.get_by_role("option", name="ECG")).to_be_visible()
    page.get_by_role("option", name="ECG").click()
    box.press("Escape")
    page.get_by_role("button", name="Commit", exact=True).click()
    expect(page.get_by_text("Kept: 37 %, in this order: PPG, ECG.")).to_be_visible(timeout=PATIENCE_MS)


def test_on_the_wall_type_is_large_and_the_program_out_of_sight(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/teaching?lesson={LESSON}")
    page.get_by_role("button", name="Lead a class").click(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Presenter view").click(timeout=PATIENCE_MS)
    expect(page.locator(".fs-wall")).to_be_visible(timeout=PATIENCE_MS)
    settled(page)
    expect(page.get_by_test_id("stHeader")).not_to_be_visible()
    size = page.locator(".stMain p").first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    assert size >= 20
    fits(page, DESK)
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_text(f"Step 2 of {STEPS}")).to_be_visible(timeout=PATIENCE_MS)
    settled(page)
    fits(page, DESK)
    page.get_by_role("button", name="Leave the presenter view").click()
    expect(page.locator(".st-key-invitation")).to_be_visible(timeout=PATIENCE_MS)
