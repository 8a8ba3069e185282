"""`python -m benchmarks`: one Markdown table of speed and memory beside their targets.

The figures are those of this machine, now: what else runs on it slows them. The model's part runs with one torch
thread and with two, because on a machine that serves several people one is what each gets.
"""

from __future__ import annotations

import argparse
import os
import platform

import torch
from playwright.sync_api import Browser

from benchmarks import (
    audit,
    browser,
    classroom,
    cohort_page,
    comparison,
    explanations,
    inference,
    reports,
    sessions_browser,
    signals_browser,
    what_if_browser,
)
from benchmarks.rows import Row, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--no-browser", action="store_true", help="leave the dashboard out")
    parser.add_argument("--only-browser", action="store_true", help="measure nothing but the dashboard")
    chosen = parser.parse_args()
    print(
        f"{os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f} at the start, "
        f"Python {platform.python_version()}, torch {torch.__version__}. "
        "Simulated records sim_a001 and 900002. Medians; torch threads as stated.\n"
    )
    # The models first: their peak memory must not count what the browser's driver needs.
    rows = [] if chosen.only_browser else inference.rows() + explanations.rows() + reports.rows() + audit.rows()
    if not chosen.no_browser:
        with browser.browser() as chromium:
            rows += screens(chromium)
    print(table(rows))


def screens(chromium: Browser | None) -> list[Row]:
    """What a person waits for, all in one browser; one row that says why where there is none."""
    if chromium is None:
        return [Row("Dashboard in Chromium", "no Chromium found: set CHROMIUM to its path", runs=0)]
    rows = browser.rows(chromium)
    ours = next(row.seconds for row in rows if row.what == browser.SELECT)
    rows += what_if_browser.rows(chromium) + signals_browser.rows(chromium) + sessions_browser.rows(chromium)
    rows += cohort_page.rows(chromium) + classroom.rows()
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    return rows + comparison.rows(page, ours)


if __name__ == "__main__":
    main()
