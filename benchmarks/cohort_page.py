"""The Cohort page in Chromium over 100,000 simulated records: from a filter to the redrawn page.

Measured inside the browser, from the click to the frame in which the number of records and both charts are the new
ones and nothing on the page is of the filter before. Every filter is one that has not been asked for yet.
"""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from benchmarks import simulated_audit
from benchmarks.browser import PATIENCE_MS, ROOT, dashboard, open_page, settled
from benchmarks.rows import Row, shown

RECORDS = 100_000
TARGET = "500 ms"
WITHOUT = ("", "Heart rate", "Blood pressure", "Oxygenation", "Respiration")
"""Filters in turn: records in which routing and contribution disagree, and which lack this modality."""
# Resolves with the milliseconds from the click to the painted answer.
FILTERED = """() => new Promise(done => {
    const charts = ['beeswarm', 'strength'].map(name => `.st-key-cohort_${name} .main-svg`);
    const parts = ['.st-key-cohort_left strong', ...charts];
    const seen = part => document.querySelector(part)?.innerHTML;
    const before = parts.map(seen);
    let began = 0;
    const look = () => {
        const now = parts.map(seen);
        const other = now.every((part, k) => part && part !== before[k]);
        const old = document.querySelector('.stMain [data-stale="true"]');
        if (other && !old) requestAnimationFrame(() => done(performance.now() - began));
        else requestAnimationFrame(look);
    };
    const button = document.querySelector('[class*="st-key-w_cohort_flagged"] input');
    began = performance.now();
    button.click();
    look();
})"""


def rows(chromium: Browser) -> list[Row]:
    """Opening a large audit, and filtering it."""
    with tempfile.TemporaryDirectory() as folder:
        audit = Path(folder) / "audit"
        simulated_audit.write(audit, RECORDS, ROOT / "checkpoints" / "icu_mortality")
        with dashboard({"XDG_CACHE_HOME": folder}) as (address, _):
            page = chromium.new_page(viewport={"width": 1440, "height": 900})
            open_page(page, f"{address}/cohort?task=icu_mortality")
            opening = _opened(page, audit)
            taken = [_filtered(page, title) for title in WITHOUT]
            page.close()
    return [
        Row(f"Cohort page: open {RECORDS:,} audited records (simulated)", shown(opening)),
        Row(
            f"Cohort page: filter to redraw over {RECORDS:,} records",
            shown(statistics.median(taken)),
            TARGET,
            len(taken),
        ),
    ]


def _opened(page: Page, audit: Path) -> float:
    """Seconds from naming the audit's folder to its first charts."""
    page.get_by_role("radio", name="A stored audit").click(timeout=PATIENCE_MS)
    field = page.get_by_role("textbox", name="Folder of the audit")
    field.fill(str(audit), timeout=PATIENCE_MS)
    began = time.perf_counter()
    field.press("Enter")
    page.locator(".st-key-cohort_strength .main-svg").first.wait_for(timeout=PATIENCE_MS)
    taken = time.perf_counter() - began
    settled(page)
    page.get_by_text("Filter records").click()
    settled(page)
    return taken


def _filtered(page: Page, title: str) -> float:
    """Seconds to what is left where routing and contribution disagree, among records without this modality."""
    if title:
        _without(page, title)
    taken: float = page.evaluate(FILTERED) / 1000
    settled(page)
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator(".st-key-cohort_left strong")).to_have_text(re.compile(rf"^{RECORDS:,} records"))
    settled(page)
    return taken


def _without(page: Page, title: str) -> None:
    box = page.get_by_role("combobox", name="Not recorded")
    box.click()
    page.get_by_role("option", name=title, exact=True).click()
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-cohort_left strong")).to_have_text(re.compile(" of "), timeout=PATIENCE_MS)
    settled(page)
