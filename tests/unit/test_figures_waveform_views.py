"""Waveforms of any length: a stated compressed scale, points that keep extremes, shaded stretches, marks at an edge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.components.calipers import leads_of
from app.components.overview import EMPTY, FULL, columns
from app.figures import Drawing, Flaw, Mark, Strip, waveform_key, waveforms
from app.figures.ecg_paper import OVERVIEW_PX, PX_PER_MM, Paper
from app.figures.strip import MAX_POINTS, evenly
from app.overview_lanes import merged
from app.window import PAPER_UP_TO_S

RATE = 250


def lead(seconds: float = 60, **more: Any) -> Strip:
    t = np.arange(round(seconds * RATE)) / RATE
    return replace(Strip("ecg", "ECG II", "mV", 0.0, 1 / RATE, np.sin(t).astype(np.float32)), **more)


def named(drawing: Drawing, name: str) -> list[Any]:
    return [trace for trace in drawing.figure.data if trace.name == name]


def notes(drawing: Drawing) -> list[str]:
    return [note.text for note in drawing.figure.layout.annotations]


@pytest.mark.parametrize(
    ("length", "said"), [(60, "1 s is 3.97 mm"), (3600, "1 min is 3.97 mm"), (86400, "1 h is 9.92 mm")]
)
def test_the_overview_scale_is_stated_and_exact(length: float, said: str) -> None:
    drawing = waveforms([lead()], 0, length, overview=True)
    layout = drawing.figure.layout
    plot_px = layout.width - layout.margin.l - layout.margin.r
    span = layout.xaxis.range[1] - layout.xaxis.range[0]

    assert plot_px / span == pytest.approx(OVERVIEW_PX / length, rel=1e-6)
    assert any("Overview scale, time compressed" in note and said in note for note in notes(drawing))
    assert said in waveform_key([lead()], length, overview=True)
    assert "25 mm/s" not in " ".join(notes(drawing))
    assert "10 mm/mV" in waveform_key([lead()], length, overview=True)


def test_voltage_keeps_its_scale_at_overview_scale_and_the_pulse_its_height() -> None:
    drawing = waveforms([lead()], 0, 3600, overview=True)
    layout = drawing.figure.layout
    height = layout.height - layout.margin.t - layout.margin.b
    track = (layout.yaxis.domain[1] - layout.yaxis.domain[0]) * height

    assert track / (layout.yaxis.range[1] - layout.yaxis.range[0]) == pytest.approx(10 * PX_PER_MM, rel=1e-6)
    pulse = named(drawing, "calibration")[0]
    assert max(pulse.y) - min(pulse.y) == pytest.approx(1.0)
    assert pulse.text == "calibration: 1 mV", "0.2 s is not what it is wide here"
    assert max(pulse.x) < 0, "it stands before the signal"


def test_labels_of_the_time_axis_have_room_at_every_length() -> None:
    for length in (5, 30, 60, 300, 3600, 86400):
        paper = Paper(1.0, length)
        assert paper.label_step_s * paper.px_per_s >= 76
        assert length / paper.label_step_s >= 4


@given(st.integers(1, 4000), st.integers(8, 500), st.integers(0, 2**32 - 1))
def test_evenly_keeps_every_extreme_and_every_gap_where_it_was(n: int, points: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    y = draw.normal(size=n).astype(np.float32)
    y[draw.random(n) < 0.2] = np.nan
    out, offset, dt = evenly(y, 0.004, points)

    assert len(out) <= points
    known, kept = y[np.isfinite(y)], out[np.isfinite(out)]
    assert len(kept) == 0 if not len(known) else (kept.min(), kept.max()) == (known.min(), known.max())
    if n > points and len(known):
        at = offset + dt * int(np.nanargmax(out))
        assert abs(at - 0.004 * int(np.nanargmax(y))) <= 2 * dt


def test_evenly_keeps_the_order_within_a_stretch() -> None:
    y = np.array([0, 1, 0, 0, 0, 0, -1, 0, 0, -1, 0, 0, 0, 0, 1, 0], np.float32)
    out, offset, dt = evenly(y, 1.0, 4)

    assert out.tolist() == [1, -1, -1, 1]
    assert (offset, dt) == (2.0, 4.0)


def test_a_doubtful_stretch_is_shaded_and_named_and_the_trace_untouched() -> None:
    plain = waveforms([lead()], 0, 10)
    drawing = waveforms([lead(flaws=(Flaw(2, 5, "flat"), Flaw(8, 99, "noisy"), Flaw(50, 60, "saturated")))], 0, 10)

    (flat,) = named(drawing, "flat line")
    assert (min(v for v in flat.x if v is not None), max(v for v in flat.x if v is not None)) == (2, 5)
    (noise,) = named(drawing, "noise")
    assert max(v for v in noise.x if v is not None) == 10, "cut to the window"
    assert flat.fillpattern.shape != noise.fillpattern.shape, "told apart without colour"
    assert not named(drawing, "at the limit"), "outside the window"
    assert {"flat line", "noise"} <= set(notes(drawing))
    after, before = named(drawing, "ECG II")[0], named(plain, "ECG II")[0]
    assert np.array_equal(after.y, before.y)
    assert (after.x0, after.dx, after.line) == (before.x0, before.dx, before.line)


def test_marks_stand_in_a_row_of_their_own_below_the_lead() -> None:
    marks = (Mark(1.0, "R", "R peak"), Mark(2.0, "R", "R peak"), Mark(30.0, "R", "R peak"))
    drawing = waveforms([lead(marks=marks)], 0, 10)
    (row,) = named(drawing, "marks of ECG II")
    trace = named(drawing, "ECG II")[0]
    layout = drawing.figure.layout

    assert list(row.x) == [1.0, 2.0]
    assert list(row.text) == ["R", "R"]
    axis = layout[row.yaxis.replace("y", "yaxis")]
    assert axis.domain[1] <= layout[trace.yaxis.replace("y", "yaxis")].domain[0] + 1e-9
    assert row.hovertext[0] == "R peak at 00:00:01"


def test_many_events_are_ticks_and_few_are_letters() -> None:
    few = waveforms([lead()], 0, 10, events=[Mark(5, "V", "premature ventricular contraction")])
    many = waveforms([lead()], 0, 10, events=[Mark(k / 100, "N", "normal beat") for k in range(1000)])

    assert named(few, "annotations")[0].mode == "text"
    assert named(many, "annotations")[0].mode == "markers"
    assert not named(waveforms([lead()], 0, 10), "annotations")


def test_a_strip_of_a_long_recording_keeps_the_records_range_and_its_own_times() -> None:
    x = np.array([7200.0, 7201.5, 7204.0])
    strip = Strip("abp", "ABP", "mmHg", 7200.0, 2.0, np.array([80, 120, 90], np.float32), whole=(60.0, 230.0), x_s=x)
    drawing = waveforms([strip], 7200, 5, overview=True)

    assert list(named(drawing, "ABP")[0].x) == x.tolist()
    high = drawing.figure.layout.yaxis.range[1]
    assert high > 230, "moving the window does not rescale"
    gone = replace(strip, values=np.full(3, np.nan, np.float32))
    assert "no signal in this window" in notes(waveforms([gone], 7200, 5, overview=True))


def test_the_longest_paper_of_four_leads_weighs_less_than_250_kb() -> None:
    draw = np.random.default_rng(0)
    strips = []
    for k in range(4):
        samples = draw.normal(size=round(PAPER_UP_TO_S * RATE)).astype(np.float32)
        y, offset, dt = evenly(samples, 1 / RATE, MAX_POINTS // 4)
        strips.append(lead(title=f"ECG {k}", values=y, x0_s=offset, dt_s=dt))
    assert len(waveforms(strips, 0, PAPER_UP_TO_S, zoom=1.5).figure.to_json()) < 250_000


def test_columns_keep_extremes_and_leave_gaps_empty() -> None:
    x, y = np.arange(8.0), np.array([0, 1, np.nan, np.nan, 2, -5, 1, 1], np.float32)
    low, high = columns(x, y, 8.0, 0.0, 2.0, 4)

    assert low.tolist() == [0, EMPTY, 0, 127]
    assert high.tolist() == [127, EMPTY, FULL, 127]


def test_stretches_too_close_to_be_told_apart_are_one() -> None:
    flaws = (Flaw(0, 1, "flat"), Flaw(0.5, 9, "noisy"), Flaw(2, 3, "flat"), Flaw(20, 21, "flat"))

    assert merged(flaws, 5) == (Flaw(0, 3, "flat"), Flaw(0.5, 9, "noisy"), Flaw(20, 21, "flat"))


def test_calipers_measure_the_leads_that_were_recorded_on_their_own_axes() -> None:
    strips = [lead(), lead(title="ABP", unit="mmHg"), lead(title="PPG", values=np.zeros(0, np.float32))]
    drawing = waveforms(strips, 0, 10)

    found = leads_of(drawing, strips)

    assert [(each["title"], each["unit"]) for each in found] == [("ECG II", "mV"), ("ABP", "mmHg")]
    for each in found:
        (trace,) = named(drawing, each["title"])
        assert trace.yaxis.replace("y", "yaxis") == each["axis"]
        assert each["axis"] in drawing.figure.layout
