"""From a point among all records of an audit to that patient, as with a mouse."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.test_following import click_middle
from tests.browser.test_journeys import DESK, PATIENCE_MS, PHONE, drawn, fits, settled

AUDIT_MS = 180_000
"""The sample cohort is audited first."""


def test_a_point_leads_to_its_patient(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/cohort?task=icu_mortality")
    expect(page.get_by_text("48 simulated patients")).to_be_visible(timeout=AUDIT_MS)
    drawn(page, "cohort_beeswarm")
    drawn(page, "cohort_strength")
    settled(page)

    click_middle(page, page.locator(".st-key-cohort_beeswarm .scatterlayer .points path").nth(7))

    card = page.locator(".st-key-cohort_card")
    heading = card.get_by_role("heading", name=re.compile(r"^Record \d+: risk"))
    expect(heading).to_be_visible(timeout=PATIENCE_MS)
    record_id = re.findall(r"Record (\d+)", heading.inner_text())[0]
    expect(card.get_by_text("as on the Patient page")).to_be_visible()
    settled(page)
    card.get_by_role("button", name="Open on the Patient page").click()

    expect(page.locator(".fs-banner strong")).to_have_text(f"Record {record_id}", timeout=PATIENCE_MS)
    expect(page).to_have_url(re.compile(f"record={record_id}"), timeout=PATIENCE_MS)
    settled(page)


def test_every_section_fits_a_phone_and_a_desk(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/cohort?task=icu_mortality")
    expect(page.get_by_text("48 simulated patients")).to_be_visible(timeout=AUDIT_MS)
    shown = page.get_by_role("radiogroup", name="Show")
    for name, chart in (
        ("By group", "cohort_group_cells"),
        ("Pairs", "cohort_pairs"),
        ("Routing", "cohort_weight"),
        ("Performance", "cohort_roc"),
        ("Missing data", "cohort_without"),
    ):
        shown.get_by_text(name, exact=True).click()
        drawn(page, chart)
        settled(page)
        for size in (PHONE, DESK):
            page.set_viewport_size(size)
            fits(page, size)
