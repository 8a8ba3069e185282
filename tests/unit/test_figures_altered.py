"""Before and after in one figure: told apart without colour, on one axis, with what is gone marked."""

from __future__ import annotations

import numpy as np
import pytest

from amfn.types import Channel, InputError
from app.figures.altered import charted_pair, paired_contributions
from app.figures.altered_waves import LeadPair, waveform_pair
from app.figures.drawing import State
from app.figures.trend_panel import TrendPanel
from app.theme import BACKGROUND, MAGNITUDE, PAPER, TEXT, contrast

RATE = Channel("HR", "bpm", 20, 300, "Heart rate", (60, 100))
NAMES, TITLES = ("ecg", "abp", "ppg"), ("ECG", "Arterial pressure", "PPG")
STATES: tuple[State, ...] = ("present", "out", "missing")


def panel(hours: list[float], values: list[float]) -> TrendPanel:
    return TrendPanel("heart_rate", RATE, np.array(hours), np.array(values, np.float32))


def lead(unit: str = "mV", cut: bool = False) -> LeadPair:
    t = np.arange(2500) / 250
    before = np.sin(2 * np.pi * t).astype(np.float32) * (1 if unit == "mV" else 40) + (0 if unit == "mV" else 90)
    after = before.copy()
    after[1000:1500] = np.nan if cut else after[1000:1500] * 1.5
    return LeadPair("ECG II" if unit == "mV" else "ABP", unit, 100.0, 1 / 250, before.astype(np.float32), after)


def test_contributions_before_are_an_outline_and_after_filled() -> None:
    drawing = paired_contributions(np.array([0.5, -0.25, 0.0]), np.array([-0.75, 0.0, 0.0]), NAMES, TITLES, STATES)
    outline, filled = drawing.figure.data[-2:]
    assert outline.marker.color == "rgba(0,0,0,0)"
    assert list(outline.x) == [0.5, -0.25]
    assert list(filled.x) == [-0.75]
    limit = drawing.figure.layout.xaxis.range
    assert limit[0] == -limit[1] == pytest.approx(-0.81)
    assert "ECG +0.50 → −0.75" in drawing.alt
    assert "Arterial pressure −0.25 → out" in drawing.alt
    assert "Not recorded: PPG. Taken out: Arterial pressure." in drawing.alt
    assert "switched off" not in drawing.figure.to_json()
    assert drawing.alt.startswith("Contributions in log-odds, unaltered → with values altered: ")
    with pytest.raises(InputError):
        paired_contributions(np.zeros(2), np.zeros(3), NAMES, TITLES, STATES)


@pytest.mark.parametrize("dark", [False, True])
def test_charted_values_differ_in_dash_and_symbol(dark: bool) -> None:
    before, after = panel([1, 2, 12, 13], [80, 90, 100, 110]), panel([1, 2, 12], [80, 95, 100])
    drawing = charted_pair(before, after, 48, dark)
    was, now, gone = drawing.figure.data
    assert (list(gone.x), list(gone.y), gone.marker.symbol) == ([13], [110], "x-thin")
    assert list(was.x) == [1, 2, pytest.approx(np.nan, nan_ok=True), 12, 13]
    assert list(was.y) == [80, 90, None, 100, 110]
    assert len(was.hovertext) == 5
    assert (was.line.dash, now.line.dash) == ("solid", "dash")
    assert (was.marker.symbol, now.marker.symbol) == ("circle", "diamond")
    assert (was.line.color, now.line.color) == (TEXT[dark], MAGNITUDE[dark])
    assert drawing.alt == "Heart rate over 48 h: 4 values charted, 1 altered, their median 90 → 95 bpm and 1 taken out."
    assert (drawing.figure.layout.shapes[0].y0, drawing.figure.layout.shapes[0].y1) == (60, 100)
    assert drawing.figure.layout.annotations[0].text == "Heart rate, bpm"


def test_the_axis_of_a_pair_holds_both_and_stays_calm() -> None:
    rate = Channel("HR", "bpm", 20, 300, "Heart rate")
    before = TrendPanel("heart_rate", rate, np.array([1.0, 2.0]), np.array([83, 101.0]))
    after = TrendPanel("heart_rate", rate, np.array([1.0, 2.0]), np.array([83, 105.0]))
    low, high = charted_pair(before, after, 48).figure.layout.yaxis.range
    assert low < 83 - 15
    assert high > 105 + 15


def test_a_variable_that_is_gone_altogether_is_drawn_as_it_was() -> None:
    drawing = charted_pair(panel([1, 2], [80, 90]), panel([], []), 48)
    assert [len(trace.x) for trace in drawing.figure.data] == [2, 0, 2]
    assert drawing.alt.endswith("2 values charted and 2 taken out.")


def test_leads_stand_on_one_time_axis_to_scale() -> None:
    drawing = waveform_pair([lead(), lead("mmHg")], 100, 10, alarm_s=109)
    layout = drawing.figure.layout
    assert layout.xaxis.range == layout.xaxis2.range == layout.xaxis3.range
    assert layout.width == pytest.approx((10 + 0.44) * 25 * 96 / 25.4 + 78 + 36, abs=1)
    low, high = layout.yaxis.range
    px = (layout.yaxis.domain[1] - layout.yaxis.domain[0]) * (layout.height - layout.margin.t - layout.margin.b)
    assert px / (high - low) == pytest.approx(10 * 96 / 25.4, rel=0.01)
    assert layout.yaxis2.range == (0, 200)
    traces = {trace.name: trace for trace in drawing.figure.data}
    assert (traces["ECG II as recorded"].line.color, traces["ECG II as recorded"].line.dash) == ("#000000", None)
    assert traces["ECG II as altered"].line.dash == "5px,3px"
    assert contrast(traces["ECG II as altered"].line.color, PAPER) > 4.5
    assert np.array_equal(traces["ABP as recorded"].y, lead("mmHg").before)
    assert any(note.text == "<b>alarm</b>" for note in layout.annotations)
    assert drawing.alt == (
        "Waveforms from 00:01:40 to 00:01:50: ECG II -1 to 1 mV as recorded, -1.5 to 1.5 mV as altered and "
        "ABP 50 to 130 mmHg as recorded, 50 to 195 mmHg as altered. Alarm at 00:01:49."
    )


def test_what_was_cut_is_hatched_and_the_record_stays() -> None:
    drawing = waveform_pair([lead(cut=True)], 100, 10)
    traces = {trace.name: trace for trace in drawing.figure.data}
    assert list(traces["cut"].x)[:2] == pytest.approx([104, 106])
    assert traces["cut"].fillpattern.shape == "/"
    assert np.isfinite(np.asarray(traces["ECG II as recorded"].y, float)).all()
    assert np.isnan(np.asarray(traces["ECG II as altered"].y, float)).sum() == 500
    assert "cut" not in {trace.name for trace in waveform_pair([lead()], 100, 10).figure.data}


def test_a_wrong_window_is_refused() -> None:
    short = LeadPair("II", "mV", 0, 0.004, np.zeros(5, np.float32), np.zeros(4, np.float32))
    for leads, length, zoom in (([], 10, 1), ([lead()], 0, 1), ([lead()], 10, 0), ([short], 10, 1)):
        with pytest.raises(InputError):
            waveform_pair(leads, 100, length, zoom=zoom)


def test_a_long_window_sends_few_points_and_keeps_its_extremes() -> None:
    values = np.zeros(250_000, np.float32)
    values[123_457] = 1.25
    drawing = waveform_pair([LeadPair("II", "mV", 0, 0.0004, values, values)], 0, 100, zoom=0.5)
    trace = next(t for t in drawing.figure.data if t.name == "II as recorded")
    assert len(trace.y) < 20_000
    assert max(trace.y) == 1.25


def test_violet_is_readable_on_both_pages() -> None:
    for dark in (False, True):
        assert contrast(MAGNITUDE[dark], BACKGROUND[dark]) > 4.5
