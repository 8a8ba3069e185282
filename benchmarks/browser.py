"""The dashboard in Chromium on the sample cohort: from start to first paint, and from a click to a painted page."""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Error, Page, expect, sync_playwright

from benchmarks.rows import Row, shown

ROOT = Path(__file__).resolve().parent.parent
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
PATIENCE_MS = 60_000
SELECTIONS = 7
STARTS = 3
PAINT = "Dashboard: start to first paint"
RECORD = "Dashboard: start to the first record with its risk and signals"
SELECT = "Dashboard: select a record to painted page"


def rows() -> list[Row]:
    """Both figures and the server's memory, or one row that says why there are none."""
    path = chromium_path()
    if not path:
        return [Row("Dashboard in Chromium", "no Chromium found: set CHROMIUM to its path", runs=0)]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        paints, starts, selections, memory = [], [], [], 0.0
        try:
            for _ in range(STARTS):
                page = chromium.new_page(viewport={"width": 1440, "height": 900})
                paint, start, taken, memory = _session(page)
                paints.append(paint)
                starts.append(start)
                selections += taken
                page.close()
        finally:
            chromium.close()
    found = [
        Row(PAINT, shown(statistics.median(paints)), "6 s", len(paints)),
        Row(RECORD, shown(statistics.median(starts)), runs=len(starts)),
        Row(SELECT, shown(statistics.median(selections)), "1 s", len(selections)),
    ]
    return [*found, Row("Dashboard: peak memory of the server, both models used", f"{memory:.2f} GB", "1.5 GB")]


def chromium_path() -> str:
    """The Chromium that the browser tests use; empty where there is none."""
    search = [sys.executable, str(ROOT / "tests" / "browser" / "chromium.py")]
    return subprocess.run(search, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def dashboard() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The real dashboard on a free port, on the sample cohort: its address (which may not answer yet), its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
    environment = {name: value for name, value in os.environ.items() if name != "AMFN_DATA"}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.terminate()
        server.wait(20)


def _session(page: Page) -> tuple[float, float, list[float], float]:
    """A fresh server: seconds to the first paint, to the first record, from each click to its record, and the server's
    peak memory in GB."""
    began = time.perf_counter()
    with dashboard() as (address, server):
        open_page(page, f"{address}/?task=icu_alarm")
        page.get_by_text("Records from").wait_for(timeout=PATIENCE_MS)
        paint = time.perf_counter() - began
        _painted(page)
        first = time.perf_counter() - began
        settled(page)
        taken = [_select_next(page) for _ in range(SELECTIONS)]
        page.get_by_text("ICU mortality", exact=True).first.click()
        expect(page.locator(".fs-banner strong")).to_have_text(re.compile(r"Record 9\d+"), timeout=PATIENCE_MS)
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=PATIENCE_MS)
        return paint, first, taken, _peak(server.pid)


def settled(page: Page) -> None:
    """All records of the folder are read and the page is at rest."""
    expect(page.get_by_text("Reading all records")).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=PATIENCE_MS)


def open_page(page: Page, address: str) -> None:
    """Ask until the server listens."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while True:
        try:
            page.goto(address, timeout=PATIENCE_MS)
            return
        except Error:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _painted(page: Page) -> None:
    """The banner, the risk and the signal's chart are on the screen."""
    page.locator(".fs-banner").wait_for(timeout=PATIENCE_MS)
    page.get_by_test_id("stMetricValue").first.wait_for(timeout=PATIENCE_MS)
    page.locator(".st-key-waveforms_patient .main-svg").first.wait_for(timeout=PATIENCE_MS)


def _select_next(page: Page) -> float:
    """Seconds from the click on "Next" until nothing on the page is of the record before."""
    before = page.locator(".fs-banner strong").inner_text()
    drawn = page.locator(".st-key-waveforms_patient .main-svg").first.inner_html()
    began = time.perf_counter()
    page.get_by_role("button", name="Next").click()
    page.wait_for_function(
        """([name, drawn]) => {
            const banner = document.querySelector('.fs-banner strong');
            const chart = document.querySelector('.st-key-waveforms_patient .main-svg');
            const stale = document.querySelector('[data-stale="true"]');
            return banner && banner.innerText !== name && chart && chart.innerHTML !== drawn && !stale;
        }""",
        arg=[before, drawn],
        timeout=PATIENCE_MS,
    )
    return time.perf_counter() - began


def _peak(process: int) -> float:
    """Peak resident memory in GB where the system tells it (Linux), else 0."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 2**20
