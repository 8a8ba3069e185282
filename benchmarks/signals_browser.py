"""The Signals page on a recording of 24 hours, in Chromium: opening it, moving on, and what that sends.

In the same run: a bare Streamlit fragment with as many charts, and the same window as plain full-resolution traces.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import PATIENCE_MS, dashboard, open_page, server_of
from benchmarks.long_record import write_long_record
from benchmarks.rows import Row, shown

PANS = 20
SECTION_S = 900.0
"""The window that is drawn in full too: 900,000 samples. An hour of them would take minutes to arrive."""
FULL_PANS = 5
LEADS, FORWARD = ".st-key-waveforms_signals", ".st-key-signals_forward button"
OPENINGS = 3
# Resolves with the milliseconds from the click until the chart of the new window is painted, and, where the page writes
# the window into its address, until that has been done, which is the last of a run.
PAINTED = """([button, chart, address]) => new Promise(done => {
    const drawn = () => document.querySelector(chart + ' .main-svg')?.innerHTML;
    const before = drawn(), from = location.href;
    const began = performance.now();
    const look = () => {
        const now = drawn();
        const stale = document.querySelector(chart)?.closest('[data-stale="true"]');
        const told = !address || location.href !== from;
        if (now && now !== before && !stale && told) requestAnimationFrame(() => done(performance.now() - began));
        else requestAnimationFrame(look);
    };
    document.querySelector(button).click();
    look();
})"""
# Resolves with the milliseconds from the click on the page's link until its leads are painted.
OPENED = """chart => new Promise(done => {
    const began = performance.now();
    const look = () => {
        if (document.querySelector(chart + ' .main-svg')) requestAnimationFrame(() => done(performance.now() - began));
        else requestAnimationFrame(look);
    };
    [...document.querySelectorAll('a')].find(link => link.pathname.endsWith('/signals')).click();
    look();
})"""


def rows(chromium: Browser) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        record = write_long_record(Path(folder))
        openings, grown, pans, kilobytes, section = [], 0.0, 0.0, 0.0, 0.0
        for k in range(OPENINGS):
            with _opened(chromium, record) as (page, traffic, seconds, before, pid):
                openings.append(seconds)
                if k == OPENINGS - 1:
                    grown, pans, kilobytes, section = _moves(page, traffic, before, pid)
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        bare, full, full_kilobytes = _plain(page, record)
        page.close()
    ratio, gain, opening = pans / bare, full / section, statistics.median(openings)
    return [
        Row("24 h recording, four leads of 250 Hz: choose it to painted window", shown(opening), "1 s", OPENINGS),
        Row("The same: what the server's memory grows by", f"{grown:.0f} MB", "500 MB"),
        Row("The same: move on by 10 s, painted", shown(pans), runs=PANS),
        Row(f"A bare Streamlit fragment with as many charts ({ratio:.2f} of it is the row above)", shown(bare),
            "at most 1.3", PANS),
        Row("The same: sent for one move", f"{kilobytes:.0f} kB", "250 kB", PANS),
        Row(f"The same: move on by {SECTION_S / 60:.0f} min, painted", shown(section), runs=FULL_PANS),
        Row(f"That window as plain Plotly traces of all samples, {full_kilobytes / 1000:.1f} MB sent "
            f"({gain:.1f} times as long)", shown(full), runs=FULL_PANS),
    ]  # fmt: skip


class Traffic:
    """Bytes that come over the page's web sockets."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._count))

    def _count(self, frame: str | bytes) -> None:
        self.bytes += len(frame)

    @contextmanager
    def counted(self, into: list[float]) -> Iterator[None]:
        """Kilobytes that came while this was open."""
        before = self.bytes
        yield
        into.append((self.bytes - before) / 1000)


@contextmanager
def _opened(chromium: Browser, record: Path) -> Iterator[tuple[Page, Traffic, float, float, int]]:
    """A fresh server and the Signals page on it: the page, what comes to it, seconds to open it, the server's MB
    before, its process."""
    with dashboard({"AMFN_DATA": str(record.parent)}) as (address, server):
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        traffic = Traffic(page)
        # A page that needs no recording first: the model is loaded, and the tab has been open for some seconds.
        open_page(page, f"{address}/model")
        page.get_by_text("Model hash").wait_for(timeout=PATIENCE_MS)
        page.wait_for_function("window.Plotly", timeout=PATIENCE_MS)
        _quiet(page)
        before = server_of(server.pid)
        seconds = float(page.evaluate(OPENED, LEADS)) / 1000
        yield page, traffic, seconds, before, server.pid
        page.close()


def _moves(page: Page, traffic: Traffic, before: float, pid: int) -> tuple[float, float, float, float]:
    """MB that the server grew by, seconds a move takes, kB it sends, seconds a long move takes."""
    page.locator(".st-key-overview_signals").wait_for(timeout=10 * PATIENCE_MS)
    _rested(page)
    grown = server_of(pid) - before
    # The first move brings what later ones need as well.
    _move(page, traffic, FORWARD, LEADS, [], address=True)
    sent: list[float] = []
    pans = [_move(page, traffic, FORWARD, LEADS, sent, address=True) for _ in range(PANS)]
    _choose_length(page, f"{SECTION_S / 60:.0f} min")
    long = [_move(page, traffic, FORWARD, LEADS, [], address=True) for _ in range(FULL_PANS)]
    return grown, statistics.median(pans), statistics.median(sent), statistics.median(long)


def _choose_length(page: Page, length: str) -> None:
    box = page.get_by_role("combobox", name="Length")
    box.click()
    page.get_by_role("option", name=length).first.click()
    _quiet(page)


def _rested(page: Page) -> None:
    """The recording's quality is judged: nothing is computed in the background any more."""
    expect(page.get_by_test_id("stProgress")).to_have_count(0, timeout=10 * PATIENCE_MS)
    _quiet(page)


def _quiet(page: Page) -> None:
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=PATIENCE_MS)
    page.wait_for_timeout(500)


def _move(page: Page, traffic: Traffic, button: str, chart: str, sent: list[float], address: bool = False) -> float:
    with traffic.counted(sent):
        taken = float(page.evaluate(PAINTED, [button, chart, address])) / 1000
        _quiet(page)
    return taken


def _plain(page: Page, record: Path) -> tuple[float, float, float]:
    """Seconds of a bare rerun, seconds of a full window, kB of it."""
    traffic = Traffic(page)
    script = str(Path(__file__).with_name("bare_app.py"))
    arguments = ("--server.maxMessageSize", "1000", "--", str(record.with_suffix("")), str(SECTION_S))
    with dashboard({}, script, arguments) as (address, _):
        open_page(page, address)
        page.locator(".st-key-bare_1 .main-svg").first.wait_for(timeout=PATIENCE_MS)
        _quiet(page)
        next_, last = ".st-key-bare_next button", ".st-key-bare_1"
        _move(page, traffic, next_, last, [])
        bare = [_move(page, traffic, next_, last, []) for _ in range(PANS)]
        page.goto(f"{address}/?full=1")
        page.locator(".st-key-full_chart .main-svg").first.wait_for(timeout=5 * PATIENCE_MS)
        _quiet(page)
        sent: list[float] = []
        full = [_move(page, traffic, ".st-key-full_next button", ".st-key-full_chart", sent) for _ in range(FULL_PANS)]
    return statistics.median(bare), statistics.median(full), statistics.median(sent)
