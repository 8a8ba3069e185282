"""Waveforms: the scale of the paper to the pixel, gaps that stay gaps, a signed attribution, a small payload."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from amfn.types import InputError
from app.figures import Drawing, Strip, waveform_key, waveforms
from app.figures.drawing import MINUS
from app.figures.ecg_paper import LEAD_IN_S, LEAD_OUT_S, PX_PER_MM, Paper, voltage_range
from app.figures.strip import extremes
from app.theme import MAGNITUDE, PAPER, PAPER_MAJOR, PAPER_MINOR, TRACE

RATE = 250


def lead(title: str = "ECG II", unit: str = "mV", attributed: bool = True, **more: Any) -> Strip:
    """300 s, a beat per second of 1 mV on a 0.2 mV baseline; attribution + in second 290 and minus in second 295."""
    t = np.arange(300 * RATE) / RATE
    values = (0.2 + np.exp(-(((t % 1) - 0.5) ** 2) / 0.0002)).astype(np.float32)
    effect = np.zeros(len(t), np.float32)
    effect[290 * RATE : 291 * RATE] = 0.001
    effect[295 * RATE : 296 * RATE] = -0.002
    strip = Strip("ecg", title, unit, 0.0, 1 / RATE, values, effect if attributed else None)
    return replace(strip, **more)


def plot_px(drawing: Drawing) -> tuple[float, float]:
    layout = drawing.figure.layout
    m = layout.margin
    return layout.width - m.l - m.r, layout.height - m.t - m.b


def named(drawing: Drawing, name: str) -> list[Any]:
    return [t for t in drawing.figure.data if t.name == name]


def notes(drawing: Drawing) -> list[str]:
    return [note.text for note in drawing.figure.layout.annotations] + [text for text, *_ in labels(drawing)]


def labels(drawing: Drawing) -> list[tuple[str, float, float, str]]:
    """Text, x, y and position of what is written beside the leads."""
    traces = [t for t in drawing.figure.data if t.name.startswith("labels of")]
    return [row for t in traces for row in zip(t.text, t.x, t.y, t.textposition, strict=True)]


def lines(drawing: Drawing, colour: str, x_axis: str) -> list[float]:
    """Where the lines of the paper in this colour lie: seconds with "x", values of the first lead with "x domain"."""
    paths = [s.path for s in drawing.figure.layout.shapes if (s.xref, s.line.color) == (x_axis, colour)]
    pattern = r"M([-\d.]+),0V1" if x_axis == "x" else r"M0,([-\d.]+)H1"
    for path in paths:
        assert re.fullmatch(f"(?:{pattern})+", path)
    return [float(at) for path in paths for at in re.findall(pattern, path)]


@pytest.mark.parametrize("zoom", [0.5, 1.0, 1.5])
def test_ecg_scale_is_exact_to_the_pixel(zoom: float) -> None:
    drawing = waveforms([lead()], 288, 10, zoom=zoom)
    width, height = plot_px(drawing)
    x, y = drawing.figure.layout.xaxis, drawing.figure.layout.yaxis
    assert width / (x.range[1] - x.range[0]) == pytest.approx(25 * 96 / 25.4 * zoom, rel=1e-9)
    track = (y.domain[1] - y.domain[0]) * height
    assert track / (y.range[1] - y.range[0]) == pytest.approx(10 * 96 / 25.4 * zoom, rel=1e-9)
    assert drawing.figure.layout.autosize is False
    assert any(n.startswith(f"25 mm/s · 10 mm/mV · zoom {100 * zoom:.0f} %") for n in notes(drawing))


def test_boxes_are_those_of_ecg_paper() -> None:
    drawing = waveforms([lead()], 288, 10)
    low, high = drawing.figure.layout.yaxis.range
    for axis, first, last, large in (("x", 287.6, 298.04, 0.2), ("x domain", low, high, 0.5)):
        wide, fine = (lines(drawing, colour, axis) for colour in (PAPER_MAJOR, PAPER_MINOR))
        small = large / 5
        every = small * np.arange(round(first / small), round(last / small) + 1)
        np.testing.assert_allclose(sorted(wide + fine), every, atol=1e-6)
        assert wide == pytest.approx([at for at in every if abs(at / large - round(at / large)) < 1e-6])
    assert drawing.figure.layout.plot_bgcolor == PAPER


def test_the_paper_lies_behind_the_trace_in_a_few_elements() -> None:
    """As many elements as lines would take most of the time in which a window is drawn."""
    shapes = waveforms([lead()], 288, 10).figure.layout.shapes
    assert len(shapes) == 4
    assert {shape.layer for shape in shapes} == {"below"}
    assert [shape.line.color for shape in shapes] == [PAPER_MINOR] * 2 + [PAPER_MAJOR] * 2, "large boxes on top"


def test_small_boxes_are_left_out_only_where_they_would_merge_and_that_is_said() -> None:
    assert Paper(1).minor
    assert 0.04 * Paper(1).px_per_s == pytest.approx(PX_PER_MM)
    drawing = waveforms([lead()], 270, 30, zoom=0.3)
    assert not lines(drawing, PAPER_MINOR, "x")
    assert lines(drawing, PAPER_MAJOR, "x")
    assert any("small boxes not drawn" in n for n in notes(drawing))


def test_calibration_pulse_is_one_millivolt_for_two_tenths_of_a_second() -> None:
    (pulse,) = named(waveforms([lead()], 288, 10), "calibration")
    x, y = np.array(pulse.x), np.array(pulse.y)
    assert y.max() - y.min() == pytest.approx(1.0)
    top = x[y == y.max()]
    assert top.max() - top.min() == pytest.approx(0.2)
    assert x.max() < 288
    assert x.min() >= 288 - LEAD_IN_S


def test_trace_is_black_and_unaltered() -> None:
    strip = lead()
    (trace,) = named(waveforms([strip], 288, 10, dark=True), "ECG II")
    assert trace.line.color == TRACE
    assert (trace.x0, trace.dx, trace.x) == (288.0, 1 / RATE, None)
    np.testing.assert_array_equal(trace.y, strip.values[288 * RATE : 298 * RATE + 1])
    assert trace.connectgaps is False


def test_axis_grows_in_half_millivolts_around_the_median_up_to_its_limit() -> None:
    flat = np.full(1000, 0.2, np.float32)
    assert voltage_range(flat) == (-1.5, 1.5, False)
    tall = flat.copy()
    tall[5] = 2.3
    assert voltage_range(tall) == (-1.5, 2.5, False)
    absurd = flat.copy()
    absurd[5] = -40
    assert voltage_range(absurd) == (-4.0, 1.5, True)
    drawing = waveforms([lead(values=absurd, attributed=False)], 0, 4)
    assert any("peaks leave the paper" in n for n in notes(drawing))


def test_gaps_stay_gaps_and_are_hatched() -> None:
    values = lead().values.copy()
    values[290 * RATE : 292 * RATE] = np.nan
    drawing = waveforms([lead(values=values)], 288, 10)
    (trace,) = named(drawing, "ECG II")
    assert np.isnan(trace.y[2 * RATE : 4 * RATE]).all()
    (hatched,) = named(drawing, "no signal")
    assert hatched.fillpattern.shape == "/"
    assert list(hatched.x) == [290, 292, 292, 290, 290]
    assert "no signal" in notes(drawing)


@pytest.mark.parametrize("values", [np.zeros(0, np.float32), np.full(300 * RATE, np.nan, np.float32)])
def test_a_lead_that_was_not_recorded_is_a_hatched_band(values: np.ndarray) -> None:
    drawing = waveforms([lead(), lead("ABP", "mmHg", values=values, modality="abp", attributed=False)], 288, 10)
    (hatched,) = named(drawing, "not recorded")
    assert hatched.fillpattern.shape == "/"
    assert "not recorded" in notes(drawing)
    assert "ABP (not recorded)" in drawing.alt


def test_attribution_is_shown_as_tint_and_as_bars_up_and_down() -> None:
    drawing = waveforms([lead()], 288, 10)
    (tint,) = named(drawing, "attribution")
    (bars,) = named(drawing, "attribution of ECG II")
    z = np.array(tint.z[0])
    assert len(z) <= 200
    assert (tint.zmin, tint.zmax) == (-1, 1)
    middle = tint.x0 + tint.dx * np.arange(len(z))
    assert (z[(middle > 290) & (middle < 291)] > 0).all()
    assert (z[(middle > 295) & (middle < 296)] < 0).all()
    assert (z[middle < 290] == 0).all()
    np.testing.assert_array_equal(z, np.array(bars.y))
    (lane,) = [a for a in _y_axes(drawing) if a.ticktext and "+ raises" in a.ticktext]
    assert list(lane.ticktext) == [f"{MINUS} lowers", "+ raises"]
    # 0.002 a sample, 12.5 samples in a cell of 0.05 s
    key = waveform_key([lead()], 10)
    assert key.startswith("25 mm/s · 10 mm/mV · zoom 100 %. Tint and bars:")
    assert "0.05 s" in key
    assert "one scale for all leads" in key
    assert not any("Tint" in n for n in notes(drawing)), "the page wraps it; on the paper it would be cut"
    assert f"ECG II {MINUS}0.25" in drawing.alt


def test_all_leads_share_one_attribution_scale() -> None:
    weak = lead("ECG V", attribution=np.asarray(lead().attribution) / 10)
    drawing = waveforms([lead(), weak], 288, 10)
    strong_z, weak_z = (np.abs(t.z[0]).max() for t in named(drawing, "attribution"))
    assert strong_z == pytest.approx(1, abs=0.05)
    assert weak_z == pytest.approx(0.1, abs=0.05)


def test_a_lead_without_attribution_is_said_not_to_be_read() -> None:
    drawing = waveforms([lead(), lead("ECG V", attributed=False)], 288, 10)
    assert "<b>ECG V</b>, mV · not read by the model" in notes(drawing)
    plain = waveforms([lead(attributed=False)], 288, 10)
    assert not any("not read" in n for n in notes(plain))
    assert "Tint" not in waveform_key([lead(attributed=False)], 10)


def test_alarm_and_model_window_are_marked_and_labelled() -> None:
    drawing = waveforms([lead()], 280, 25, alarm_s=300, window_s=(284, 300))
    lines = [s for s in drawing.figure.layout.shapes if s.type == "line" and s.x0 == s.x1 == 300 and s.y1 == 1]
    assert len(lines) == 1
    greyed = [(s.x0, s.x1) for s in drawing.figure.layout.shapes if s.type == "rect"]
    assert greyed == [(280, 284), (300, 305)]
    assert {"<b>alarm</b>", "seen by the model"} <= set(notes(drawing))
    assert "alarm at 00:05:00; the model saw 00:04:44 to 00:05:00" in drawing.alt
    outside = waveforms([lead()], 10, 5, alarm_s=300, window_s=(284, 300))
    assert "<b>alarm</b>" not in notes(outside)
    assert "seen by the model" not in notes(outside)


def test_time_is_elapsed_hours_minutes_seconds() -> None:
    axis = [a for a in _x_axes(waveforms([lead()], 288, 10)) if a.ticktext]
    assert list(axis[0].ticktext)[:2] == ["00:04:48", "00:04:49"]


def test_pressure_keeps_a_fixed_range_and_every_axis_its_unit() -> None:
    pressure = lead("ABP", "mmHg", modality="abp", values=(90 + 30 * np.sin(np.arange(75000) / 30)).astype(np.float32))
    drawing = waveforms([pressure], 288, 10)
    low, high = drawing.figure.layout.yaxis.range
    assert (low + high) / 2 == pytest.approx(100)
    assert {"0 mmHg", "100 mmHg", "200 mmHg"} <= {note.rstrip("\N{NO-BREAK SPACE}") for note in notes(drawing)}


@pytest.mark.parametrize("unit", ["mV", "mmHg", "a.u."])
def test_axis_labels_stand_whole_on_their_grid_lines(unit: str) -> None:
    """A label that is pushed off its line names another value than the line's."""
    for low, high in ((0.0, 1.0), (-2.0, 2.0), (0.0, 180.0)):
        values = np.linspace(low, high, 3000, dtype=np.float32)
        drawing = waveforms([lead(unit=unit, values=values, attributed=False)], 0, 10)
        axis, (_, height) = drawing.figure.layout.yaxis, plot_px(drawing)
        track_px = (axis.domain[1] - axis.domain[0]) * height
        beside = [(text, x, y) for text, x, y, place in labels(drawing) if place == "middle left"]
        assert beside
        for text, x, y in beside:
            assert x == drawing.figure.layout.xaxis.range[0]
            assert text == f"{y + 0.0:g} {unit}\N{NO-BREAK SPACE}".replace("-", MINUS)
            assert any(y == pytest.approx(at) for at in lines(drawing, PAPER_MAJOR, "x domain"))
            at = (y - axis.range[0]) / (axis.range[1] - axis.range[0]) * track_px
            assert 7 <= at <= track_px - 7


def test_a_remark_follows_the_title_at_both_ends_of_a_wide_paper() -> None:
    drawing = waveforms([lead(remark="flat line", attributed=False)], 288, 10)
    titled = [row for row in labels(drawing) if "flat line" in row[0]]
    axis = drawing.figure.layout.xaxis
    assert {text for text, *_ in titled} == {"<b>ECG II</b>, mV · <b>flat line</b>"}
    assert [(x, place) for _, x, _, place in titled] == [
        (axis.range[0], "top right"),
        (pytest.approx(axis.range[1], abs=0.2), "top left"),
    ]
    assert titled[1][1] < axis.range[1], "the line of an alarm has room"
    assert "ECG II (mV, flat line)" in drawing.alt
    narrow = waveforms([lead(remark="flat line", attributed=False)], 288, 5)
    assert sum("flat line" in n for n in notes(narrow)) == 1


def test_why_a_lead_is_absent_is_said_on_its_band() -> None:
    gone = lead("ECG V", values=np.full(75000, np.nan, np.float32), attributed=False, remark="no valid sample")
    drawing = waveforms([lead(), gone], 288, 10)
    (hatched,) = named(drawing, "no valid sample")
    assert hatched.fillpattern.shape == "/"
    assert {"no valid sample", "<b>ECG V</b>, no valid sample"} <= set(notes(drawing))
    assert "ECG V (no valid sample)" in drawing.alt


def test_payload_of_ten_seconds_and_five_leads_is_small() -> None:
    leads = [lead(f"ECG {k}") for k in range(5)]
    assert len(waveforms(leads, 288, 10, 300, (284, 300)).figure.to_json()) < 300_000
    whole = waveforms([lead(attributed=False)], 0, 300, zoom=0.2)
    (trace,) = named(whole, "ECG II")
    assert len(trace.y) <= 3 * plot_px(whole)[0] < 300 * RATE


def test_decimation_keeps_extremes_and_gap_edges() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=50_000).astype(np.float32)
    y[12_345], y[43_210] = 50, -50
    y[20_000:25_000] = np.nan
    keep = extremes(y, 2000)
    assert len(keep) < 2200
    assert {12_345, 43_210, 19_999, 20_000, 25_000} <= set(keep.tolist())
    assert (np.diff(keep) > 0).all()


def test_equal_input_gives_an_equal_figure_and_valid_json() -> None:
    one, two = (waveforms([lead()], 288, 10, 300).figure.to_json() for _ in range(2))
    assert one == two
    assert json.loads(one)["layout"]["uirevision"]


def test_window_beyond_the_record_draws_and_says_no_signal() -> None:
    drawing = waveforms([lead()], 500, 10)
    assert "no signal in this window" in notes(drawing)
    width = drawing.figure.layout.width
    assert width == round(78 + 36 + (10 + LEAD_IN_S + LEAD_OUT_S) * 25 * PX_PER_MM)


def test_bad_windows_are_refused() -> None:
    with pytest.raises(InputError, match="no strip"):
        waveforms([], 0, 10)
    with pytest.raises(InputError, match="length"):
        waveforms([lead()], 0, 0)


def _x_axes(drawing: Drawing) -> list[Any]:
    return list(drawing.figure.select_xaxes())


def _y_axes(drawing: Drawing) -> list[Any]:
    return list(drawing.figure.select_yaxes())


def test_sizes_without_a_sign_have_one_hue_bars_up_and_no_direction() -> None:
    effect = np.abs(np.asarray(lead().attribution))
    drawing = waveforms([lead(attribution=effect)], 288, 10, magnitude="weight")

    (bars,) = named(drawing, "attribution of ECG II")
    assert min(bars.y) >= 0
    assert set(bars.marker.color) == {MAGNITUDE[False]}
    lane = drawing.figure.layout[f"yaxis{bars.yaxis.removeprefix('y')}"]
    assert lane.range[0] == 0
    assert lane.ticktext == ("weight",)
    (tint,) = named(drawing, "attribution")
    assert tint.zmin == 0
    assert bars.hovertext[-1] == "ECG II: weight 0 in 0.05 s"
    key = waveform_key([lead(attribution=effect)], 10, magnitude="weight")
    assert "the more weight; it has no direction" in key
    told = drawing.alt + key + " ".join(bars.hovertext)
    assert not any(word in told for word in ("raises", "lowers", "log-odds"))
    assert "Most weight, a size without a direction: ECG II at 00:04:55." in drawing.alt


def test_an_ecg_without_millivolts_has_no_millivolt_paper_and_the_scale_says_so() -> None:
    odd = lead(unit="NU")
    drawing = waveforms([odd], 288, 10)
    assert waveform_key([odd], 10).startswith("25 mm/s · amplitude not calibrated (NU) · zoom 100 %")
    assert "amplitude not calibrated (NU)" in drawing.alt
    assert not named(drawing, "calibration")
    assert "mm/mV" not in drawing.alt + " ".join(notes(drawing))
    assert "amplitude not calibrated (NU)" in waveform_key([odd], 60, overview=True)

    mixed = waveform_key([lead(), lead("ECG V", unit="NU")], 10)
    assert mixed.startswith("25 mm/s · 10 mm/mV · amplitude of ECG V not calibrated (NU) · zoom 100 %")
    assert "not calibrated" not in waveform_key([lead(), lead("PLETH", unit="NU", modality="ppg")], 10)


def test_an_assumed_alarm_is_called_so_at_its_line_and_in_words() -> None:
    assumed = waveforms([lead()], 288, 10, 295, assumed=True)
    assert "<b>assumed alarm</b>" in notes(assumed)
    assert "assumed alarm at 00:04:55" in assumed.alt
    assert "<b>alarm</b>" in notes(waveforms([lead()], 288, 10, 295))


def test_a_window_that_the_model_saw_nothing_of_is_grey_from_end_to_end() -> None:
    drawing = waveforms([lead()], 288, 10, window_s=(100, 116))
    grey = [(s.x0, s.x1) for s in drawing.figure.layout.shapes if s.type == "rect"]
    assert grey == [(288, 298)]
    assert notes(drawing).count("not seen by the model (grey)") == 1
    assert "seen by the model" not in notes(drawing)


@pytest.mark.parametrize(
    ("peaks", "says"),
    [((-9,), "goes below the lane"), ((9,), "goes above the lane"), ((-9, 9), "goes below and above")],
)
def test_a_trace_cut_by_its_lane_says_so(peaks: tuple[float, ...], says: str) -> None:
    values = np.sin(np.arange(300 * RATE) / 20).astype(np.float32)
    for k, peak in enumerate(peaks):
        values[290 * RATE + k] = peak
    pleth = lead("PLETH", unit="NU", modality="ppg", values=values, whole=(-1.0, 1.0))
    assert any(says in text for text, *_ in labels(waveforms([pleth], 288, 10)))
    assert not any("the lane" in text for text, *_ in labels(waveforms([pleth], 100, 10)))
