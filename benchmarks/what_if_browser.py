"""The What-if page in Chromium: from a click on a modality's switch to the painted answer.

Measured inside the browser, from the click's own time to the frame after plotly has drawn, so that neither Playwright
nor the server counts: once for what is in sight (sentence, numbers, risk, all combinations), once for every chart of
the page.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import PATIENCE_MS, dashboard, open_page, settled
from benchmarks.rows import Row, shown

RECORDS = {"icu_alarm": "sim_a001", "icu_mortality": "900002"}
TOGGLES = 20
TARGET = "100 ms"
SWITCHES = ".fs-if-switches [role=switch]:enabled"
# Resolves with the milliseconds to what is in sight and to everything. A message sent in a frame arrives once that
# frame is painted.
PAINTED = """k => new Promise(done => {
    const root = document.querySelector('.fs-if');
    const button = document.querySelectorAll('.fs-if-switches [role=switch]:enabled')[k];
    const taken = {};
    let clicked = 0;
    const stop = name => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => {
            taken[name] = performance.now() - clicked;
            if ('fs-shown' in taken && 'fs-drawn' in taken) done([taken['fs-shown'], taken['fs-drawn']]);
        };
        channel.port2.postMessage(0);
    });
    button.addEventListener('click', event => { clicked = event.timeStamp; }, { once: true, capture: true });
    for (const name of ['fs-shown', 'fs-drawn']) root.addEventListener(name, () => stop(name), { once: true });
    button.click();
})"""


def rows(chromium: Browser) -> list[Row]:
    """Two figures a task."""
    found = []
    with dashboard() as (address, _):
        for task, record_id in RECORDS.items():
            taken = list(_toggles(chromium, f"{address}/what_if?task={task}&record={record_id}"))
            for what, each in zip(("what is in sight", "all charts"), zip(*taken, strict=True), strict=True):
                row = f"What-if: toggle a modality to painted, {what} ({task})"
                found.append(Row(row, shown(statistics.median(each)), TARGET, len(each)))
    return found


def _toggles(chromium: Browser, address: str) -> Iterator[tuple[float, float]]:
    """Seconds of each toggle, to what is in sight and to all charts; every modality in turn, off and on again."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    open_page(page, address)
    settled(page)
    page.locator(".fs-if-alpha .main-svg").first.wait_for(timeout=PATIENCE_MS)
    switches = page.locator(SWITCHES).count()
    for k in range(-2, TOGGLES):
        in_sight, everything = page.evaluate(PAINTED, (max(k, 0) // 2) % switches)
        _at_rest(page)
        # The first two warm up what plotly does only once.
        if k >= 0:
            yield in_sight / 1000, everything / 1000
    page.close()


def _at_rest(page: Page) -> None:
    """The server has followed, so that its turn is not counted in the next one."""
    page.wait_for_timeout(150)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=PATIENCE_MS)
