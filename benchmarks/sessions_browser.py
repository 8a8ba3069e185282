"""Ten people at once, each with a browser session of their own: how long one waits for another record.

All ten browsers run on the machine that serves them, so what they need to draw counts as well. Two ways of working:
each chooses a record every ten seconds or so, at moments of their own; and, at worst, all in the same moment.
"""

from __future__ import annotations

import time

import numpy as np
from playwright.sync_api import Browser, Page

from benchmarks.browser import SELECTED, dashboard, open_page, settled
from benchmarks.rows import Row, shown

SESSIONS, ROUNDS, EVERY_S = 10, 5, 10.0
START = f"() => {{ window.selection = ({SELECTED})(); }}"
WAITED = "() => window.selection"


def rows(chromium: Browser) -> list[Row]:
    with dashboard() as (address, _):
        pages = [chromium.new_page(viewport={"width": 1440, "height": 900}) for _ in range(SESSIONS)]
        for page in pages:
            open_page(page, f"{address}/?task=icu_alarm")
        for page in pages:
            settled(page)
        # Sessions stand on records of their own, so that none finds another's answer.
        for k, page in enumerate(pages):
            for _ in range(2 * k):
                page.evaluate(START)
                page.evaluate(WAITED)
        spread = [taken for k in range(ROUNDS) for taken in _spread(pages, k)]
        at_once = [taken for _ in range(ROUNDS) for taken in _at_once(pages)]
        for page in pages:
            page.close()
    what = f"{SESSIONS} sessions: choose a record to risk, strip and signal painted, 95th percentile"
    return [
        Row(f"{what}, each every {EVERY_S:g} s", shown(float(np.percentile(spread, 95))), "2 s", len(spread)),
        Row(f"{what}, all in the same moment", shown(float(np.percentile(at_once, 95))), runs=len(at_once)),
    ]


def _spread(pages: list[Page], seed: int) -> list[float]:
    """Seconds that each waited, once in a stretch of EVERY_S, at a random moment of it."""
    moments = np.random.default_rng(seed).uniform(0, EVERY_S, len(pages))
    began = time.perf_counter()
    for k in np.argsort(moments):
        time.sleep(max(0.0, moments[k] - (time.perf_counter() - began)))
        pages[k].evaluate(START)
    return [page.evaluate(WAITED)[0] / 1000 for page in pages]


def _at_once(pages: list[Page]) -> list[float]:
    for page in pages:
        page.evaluate(START)
    taken = [page.evaluate(WAITED)[0] / 1000 for page in pages]
    for page in pages:
        settled(page)
    return taken
