"""Ten people at once: each has a browser session of its own, and all choose another record in the same moment."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Browser

from benchmarks.browser import SELECTED, dashboard, open_page, settled
from benchmarks.rows import Row, shown

SESSIONS, ROUNDS = 10, 5
START = f"() => {{ window.selection = ({SELECTED})(); }}"


def rows(chromium: Browser) -> list[Row]:
    with dashboard() as (address, _):
        pages = [chromium.new_page(viewport={"width": 1440, "height": 900}) for _ in range(SESSIONS)]
        for page in pages:
            open_page(page, f"{address}/?task=icu_alarm")
        for page in pages:
            settled(page)
        taken = []
        for _ in range(ROUNDS):
            for page in pages:
                page.evaluate(START)
            taken += [page.evaluate("() => window.selection")[0] / 1000 for page in pages]
            for page in pages:
                settled(page)
        for page in pages:
            page.close()
    what = f"{SESSIONS} sessions choose a record at once: risk, strip and signal painted, 95th percentile"
    return [Row(what, shown(float(np.percentile(taken, 95))), "2 s", len(taken))]
