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

from app.cohort_words import NO_PATH
from benchmarks import simulated_audit
from benchmarks.browser import PATIENCE_MS, ROOT, dashboard, open_page, settled
from benchmarks.rows import Row, shown

RECORDS = 100_000
TARGET = "500 ms"
WITHOUT = ("", "Heart rate", "Blood pressure", "Oxygenation", "Respiration")
"""Filters in turn: records in which routing and contribution disagree, and which lack this modality."""
# Resolves with the milliseconds from the click to the painted answer. What is compared is short: the text of a whole
# chart, taken in every frame, would slow down what it measures.
FILTERED = """() => new Promise(done => {
    const all = query => [...document.querySelectorAll(query)];
    const seen = () => {
        const points = all('.st-key-cohort_beeswarm .points path');
        return [
            document.querySelector('.st-key-cohort_left strong')?.textContent,
            points.length && [points.length, points[0], points.at(-1)].map(
                point => point.getAttribute?.('transform') ?? point
            ).join(),
            all('.st-key-cohort_strength .bars path').map(bar => bar.getAttribute('d')).join(),
        ];
    };
    const before = seen();
    let began = 0;
    const look = () => {
        const other = seen().every((part, k) => part && part !== before[k]);
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
    # The page begins with an audit of the sample cohort, which is not what is measured.
    page.locator(".st-key-cohort_strength .main-svg").first.wait_for(timeout=PATIENCE_MS)
    settled(page)
    page.get_by_role("radio", name="A stored audit").click(timeout=PATIENCE_MS)
    page.get_by_text(NO_PATH).wait_for(timeout=PATIENCE_MS)
    settled(page)
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
