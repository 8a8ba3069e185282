"""The Signals page in Chromium, on a simulated recording of half an hour: moving, measuring, asking the model."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.browser import dashboard, open_page
from benchmarks.long_record import write_long_record
from tests.browser.test_journeys import choose, settled, visit

PATIENCE_MS = 60_000
CHART = ".st-key-waveforms_signals"
LIFE_SIZE_PX_PER_S = 25 * 96 / 25.4


@pytest.fixture(scope="module")
def long_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard on a folder with one recording of half an hour, which holds no alarm."""
    record = write_long_record(tmp_path_factory.mktemp("long"), hours=0.5)
    with dashboard({"AMFN_DATA": str(record.parent)}) as (address, _):
        yield address


@pytest.fixture
def signals(page: Page, long_url: str) -> Page:
    open_page(page, f"{long_url}/signals")
    page.locator(f"{CHART} .main-svg").first.wait_for(timeout=PATIENCE_MS)
    expect(page.locator(".st-key-overview_signals")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stProgress")).to_have_count(0, timeout=PATIENCE_MS)
    settled(page)
    return page


def said(page: Page) -> Locator:
    """The line that says which stretch is on the screen, and at which scale."""
    return page.get_by_test_id("stCaptionContainer").filter(has_text="of 00:30:00")


def test_a_long_recording_moves_by_steps_and_by_a_click_on_the_whole_of_it(signals: Page) -> None:
    expect(said(signals)).to_contain_text("00:00:00 to 00:00:10 of 00:30:00")
    expect(said(signals)).to_contain_text("25 mm/s · 10 mm/mV · zoom 100 %")
    expect(signals.get_by_role("radio", name="Life size")).to_have_attribute("aria-checked", "true")
    chart = signals.locator(f"{CHART} .js-plotly-plot")
    chart.evaluate("element => { element.kept = true; }")

    signals.get_by_role("button", name="Forward").click()
    expect(said(signals)).to_contain_text("00:00:10 to 00:00:20")
    expect(signals.get_by_role("textbox", name="Start")).to_have_value("00:00:10")
    expect(signals.locator(f"{CHART} [role=figure]")).to_have_attribute(
        "aria-label", re.compile("from 00:00:10 to 00:00:20")
    )
    settled(signals)
    assert "start=10&length=10" in signals.url

    overview = signals.get_by_role("slider", name="Window in the whole recording")
    overview.scroll_into_view_if_needed()
    box = overview.bounding_box()
    assert box
    signals.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + box["height"] / 2)
    expect(said(signals)).to_contain_text(re.compile(r"00:1(4:5\d|5:0\d)\S* to 00:15:\d\d"))
    settled(signals)
    overview.press("End")
    expect(said(signals)).to_contain_text("00:29:50 to 00:30:00")
    expect(signals.get_by_role("button", name="Forward")).to_be_disabled()
    assert chart.evaluate("element => element.kept"), "drawn in place, not built anew"


def test_calipers_read_what_they_were_dragged_by(signals: Page) -> None:
    signals.get_by_text("Calipers", exact=True).click()
    settled(signals)
    first, second = (signals.locator(f".fs-time-{k} circle") for k in (0, 1))
    expect(second).to_be_visible(timeout=PATIENCE_MS)
    second.scroll_into_view_if_needed()
    reading = signals.locator(".fs-calipers span").first

    for pixels in (0.0, 150.0):
        place = second.bounding_box()
        assert place
        x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
        signals.mouse.move(x, y)
        signals.mouse.down()
        signals.mouse.move(x + pixels / 2, y, steps=4)
        signals.mouse.move(x + pixels, y, steps=4)
        signals.mouse.up()
        left, right = first.bounding_box(), second.bounding_box()
        assert left
        assert right
        apart = (right["x"] + right["width"] / 2 - left["x"] - left["width"] / 2) / LIFE_SIZE_PX_PER_S
        assert milliseconds(reading) == pytest.approx(1000 * apart, rel=0.02)
        if not pixels:
            before = milliseconds(reading)
    moved = milliseconds(reading) - before
    assert moved == pytest.approx(1000 * 150 / LIFE_SIZE_PX_PER_S, rel=0.02), "150 px at life size"
    bpm = re.search(r"(\d+) bpm", reading.inner_text())
    assert bpm
    assert int(bpm[1]) == pytest.approx(60_000 / milliseconds(reading), abs=0.51)


def milliseconds(reading: Locator) -> float:
    found = re.search(r"(\d+) ms", reading.inner_text())
    assert found, reading.inner_text()
    return float(found[1])


def test_the_model_is_asked_about_a_moment_of_a_recording_without_an_alarm(signals: Page) -> None:
    expect(signals.get_by_text("No alarm in this recording")).to_be_visible()
    signals.get_by_role("button", name="Forward").click()
    expect(said(signals)).to_contain_text("00:00:10 to 00:00:20")
    choose(signals, "Type of alarm", "Asystole")
    signals.get_by_role("button", name="Ask the model").click()
    banner = signals.locator(".fs-banner")
    expect(banner).to_contain_text("Asystole alarm at 00:00:20, assumed by the user", timeout=PATIENCE_MS)
    settled(signals)

    visit(signals, "Patient")
    expect(banner).to_contain_text("assumed by the user")
    expect(signals.get_by_test_id("stMetricValue").first).to_contain_text("%", timeout=PATIENCE_MS)
