"""Pictures of the real screens, on the simulated cohort: `python -m benchmarks.pictures docs/pictures`."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.browser import ARGUMENTS, chromium_path, dashboard, open_page, settled

ALARM, STAY = "?task=icu_alarm&record=sim_v005", "?task=icu_mortality&record=900005"
WIDE, PHONE = (1440, 900), (390, 844)


def main(folder: Path) -> None:
    """Write one PNG per view into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with dashboard() as (address, _), sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        try:
            page = chromium.new_page()
            for name, view, size in (
                ("patient-alarm", ALARM, WIDE),
                ("patient-stay", STAY, WIDE),
                ("attribution", f"attribution{ALARM}", WIDE),
                ("phone", ALARM, PHONE),
            ):
                _take(page, f"{address}/{view}", size, folder / f"{name}.png")
            page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
            for name, view, press in (
                ("signals", f"signals{ALARM}", lambda: page.get_by_text("Calipers", exact=True).first.click()),
                ("fusion", f"fusion{STAY}", lambda: page.get_by_role("radio", name="Laboratory").first.click()),
                ("what-if", f"what_if{STAY}", lambda: page.get_by_role("switch", name="Laboratory").click()),
            ):
                open_page(page, f"{address}/{view}")
                settled(page)
                press()
                settled(page)
                _shoot(page, folder / f"{name}.png")
        finally:
            chromium.close()


def _take(page: Page, address: str, size: tuple[int, int], path: Path) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_page(page, address)
    settled(page)
    _shoot(page, path)


def _shoot(page: Page, path: Path) -> None:
    """Once charts have been drawn: plotly animates nothing here, but it draws after the page is at rest."""
    page.locator(".main-svg").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=path)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures"))
