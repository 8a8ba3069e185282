"""The dashboard in Chromium on the sample cohort: from start to first paint, and from a click to a painted page."""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from benchmarks.rows import Row, shown

ROOT = Path(__file__).resolve().parent.parent
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
PATIENCE_MS = 60_000
SELECTIONS = 10
STARTS = 3
PAINT = "Dashboard: start to first paint"
RECORD = "Dashboard: start to the first record with its risk and signals"
ESSENTIAL = "Dashboard: select a record to risk, strip and signal painted"
SELECT = "Dashboard: select a record to everything on the page painted"
# Resolves with the milliseconds to what matters first, and to everything.
SELECTED = """() => new Promise(done => {
    const parts = ['.fs-banner strong', '[data-testid=stMetricValue]', '.fs-modalities', '.st-key-waveforms_patient'];
    const seen = part => document.querySelector(part === parts[3] ? part + ' .main-svg' : part)?.innerHTML;
    const before = parts.map(seen);
    const fresh = part => !document.querySelector(part)?.closest('[data-stale="true"]');
    const began = performance.now();
    let essential = null;
    const look = () => {
        const now = parts.map(seen);
        const other = now.every(Boolean) && [0, 2, 3].every(k => now[k] !== before[k]) && parts.every(fresh);
        if (essential === null && other) essential = performance.now() - began;
        const running = document.querySelector('[data-testid=stStatusWidget], [data-stale="true"]');
        if (essential !== null && !running) requestAnimationFrame(() => done([essential, performance.now() - began]));
        else requestAnimationFrame(look);
    };
    [...document.querySelectorAll('button')].find(button => button.innerText.trim() === 'Next').click();
    look();
})"""


def rows(chromium: Browser) -> list[Row]:
    """From start to first paint and from choosing to painted, and the server's memory."""
    paints, starts, selections, memory = [], [], [], 0.0
    for _ in range(STARTS):
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        paint, start, taken, memory = _session(page)
        paints.append(paint)
        starts.append(start)
        selections += taken
        page.close()
    everything = statistics.median(last for _, last in selections)
    return [
        Row(PAINT, shown(statistics.median(paints)), "6 s", len(paints)),
        Row(RECORD, shown(statistics.median(starts)), runs=len(starts)),
        Row(ESSENTIAL, shown(statistics.median(first for first, _ in selections)), "500 ms", len(selections)),
        Row(SELECT, shown(everything), "1 s", len(selections), everything),
        Row("Dashboard: peak memory of the server, both models used", f"{memory:.2f} GB", "1.5 GB"),
    ]


@contextmanager
def browser() -> Iterator[Browser | None]:
    """Chromium for all measurements; None where there is none."""
    path = chromium_path()
    if not path:
        yield None
        return
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


def chromium_path() -> str:
    """The Chromium that the browser tests use; empty where there is none."""
    search = [sys.executable, "-m", "tests.browser.chromium"]
    return subprocess.run(search, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def dashboard(
    settings: Mapping[str, str] | None = None, script: str = "streamlit_app.py", arguments: Sequence[str] = ()
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The real dashboard, or another script, on a free port, on the sample cohort: its address (which may not answer
    yet), its process. settings: environment variables on top. Its store and cache are its own, gone afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true", *arguments]
    with tempfile.TemporaryDirectory() as place:
        kept = {name: value for name, value in os.environ.items() if name != "AMFN_DATA"}
        own = {"DATABASE_URL": f"sqlite:///{place}/store.db", "XDG_CACHE_HOME": place}
        environment = {**kept, **own, **(settings or {})}
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield f"http://127.0.0.1:{port}", server
        finally:
            server.terminate()
            server.wait(20)


def _session(page: Page) -> tuple[float, float, list[tuple[float, float]], float]:
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
        taken = [select_next(page) for _ in range(SELECTIONS)]
        page.get_by_text("ICU mortality", exact=True).first.click()
        expect(page.locator(".fs-banner strong")).to_have_text(re.compile(r"Record 9\d+"), timeout=PATIENCE_MS)
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=PATIENCE_MS)
        return paint, first, taken, _memory(server.pid, "VmHWM") / 2**10


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


def select_next(page: Page) -> tuple[float, float]:
    """Seconds from the click on "Next" until risk, strip and signal are the new record's, and until nothing on the page
    is of the record before. Measured inside the browser, frame by frame."""
    essential, everything = page.evaluate(SELECTED)
    return essential / 1000, everything / 1000


def _memory(process: int, name: str) -> float:
    """A figure of the process's memory in MB where the system tells it (Linux), else 0."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 2**10


def server_of(process: int) -> float:
    """Resident memory in MB, now."""
    return _memory(process, "VmRSS")
