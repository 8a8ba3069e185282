"""Trends: units, reference intervals, breaks in the line, the sign as a symbol, what was never charted."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from amfn.types import Channel, InputError
from app.figures import Drawing, TrendPanel, largest_attribution, trend_key, trends
from app.theme import MAGNITUDE

RATE = Channel("HR", "bpm", 20, 300, "Heart rate", (60, 100))
TEMPERATURE = Channel("Temp", "degC", 25, 45, "Temperature", (36, 38))
LACTATE = Channel("Lactate", "mmol/L", 0, 40, "Lactate")


def panel(channel: Channel = RATE, modality: str = "heart_rate", attribution: list[float] | None = None) -> TrendPanel:
    effect = None if attribution is None else np.array(attribution, np.float32)
    return TrendPanel(modality, channel, np.array([1.0, 2.5, 12.0, 13.0]), np.array([80, 120, 70, 90.0]), effect)


def empty(channel: Channel = LACTATE, modality: str = "labs") -> TrendPanel:
    return TrendPanel(modality, channel, np.zeros(0), np.zeros(0, np.float32), None, "Laboratory")


def notes(drawing: Drawing) -> list[str]:
    return [note.text for note in drawing.figure.layout.annotations]


def test_line_breaks_where_nothing_was_charted_for_six_hours() -> None:
    (trace,) = trends([panel()]).figure.data
    assert list(trace.x) == [1.0, 2.5, None, 12.0, 13.0]
    assert list(trace.y) == [80, 120, None, 70, 90]
    assert trace.connectgaps is False
    assert len(trace.marker.symbol) == len(trace.hovertext) == 5


def test_name_unit_group_and_reference_interval_are_shown() -> None:
    drawing = trends([panel(), panel(TEMPERATURE, "neuro_temperature")])
    assert {"Heart rate, bpm", "Temperature, °C", "<b>Heart rate</b>", "<b>Neuro temperature</b>"} <= set(
        notes(drawing)
    )
    bands = [(s.y0, s.y1) for s in drawing.figure.layout.shapes if s.layer == "below"]
    assert bands == [(60, 100), (36, 38)]
    assert drawing.figure.data[0].hovertext[1].startswith("Heart rate: 120 bpm<br>at 02:30")


def test_axis_shows_every_point_and_the_reference_interval() -> None:
    low, high = trends([panel()]).figure.layout.yaxis.range
    assert low < 60
    assert high > 120


def test_sign_is_a_symbol_and_amount_a_size() -> None:
    drawing = trends([panel(attribution=[0.4, -0.1, 0.0, 0.001])])
    (trace,) = drawing.figure.data
    assert list(trace.marker.symbol) == ["triangle-up", "triangle-down", "circle", "circle", "circle"]
    sizes = list(trace.marker.size)
    assert sizes[0] > sizes[1] > sizes[3]
    assert "raises the risk: +0.400 log-odds" in trace.hovertext[0]
    assert any("▲ raises, ▼ lowers" in n and "0.4" in n for n in notes(drawing))
    assert "Heart rate +0.30" in drawing.alt


def test_one_scale_for_figures_side_by_side() -> None:
    weak, strong = panel(attribution=[0.1, 0, 0, 0]), panel(TEMPERATURE, attribution=[0.4, 0, 0, 0])
    assert largest_attribution([weak, strong]) == pytest.approx(0.4)
    alone = trends([weak]).figure.data[0].marker.size[0]
    shared = trends([weak], scale=largest_attribution([weak, strong])).figure.data[0].marker.size[0]
    assert shared < alone


def test_what_was_never_charted_is_one_hatched_strip_with_names() -> None:
    drawing = trends([panel(), empty(), empty(Channel("pH", "pH", 6, 8, "Arterial pH"))])
    (strip,) = [t for t in drawing.figure.data if t.name == "not recorded"]
    assert strip.fillpattern.shape == "/"
    assert "<b>not recorded:</b> Lactate, Arterial pH" in notes(drawing)
    assert "1 of 3 variables with 4 observations" in drawing.alt
    assert "Not recorded: Lactate, Arterial pH." in drawing.alt
    assert sum(t.mode == "lines+markers" for t in drawing.figure.data) == 1


def test_the_key_is_said_once_for_figures_side_by_side() -> None:
    key = trend_key([panel(), panel(LACTATE, "labs")], 0.4, "the book")
    assert key.startswith("Hours since the start of the record. Shaded: reference interval (the book); where nothing")
    assert "▲ raises, ▼ lowers" in key
    with_key, without = trends([panel()]), trends([panel()], with_key=False)
    assert any("Hours since" in n for n in notes(with_key))
    assert not any("Hours since" in n or "Shaded" in n for n in notes(without))
    assert without.figure.layout.height < with_key.figure.layout.height


def test_columns_adapt_and_height_grows_with_rows() -> None:
    three = [panel(Channel(f"v{k}", "", 0, 300), "labs") for k in range(3)]
    wide, narrow = trends(three, columns=3), trends(three, columns=1)
    assert narrow.figure.layout.height > 2 * wide.figure.layout.height
    assert len({a.domain for a in wide.figure.select_xaxes()}) == 3
    assert {a.domain for a in narrow.figure.select_xaxes()} == {(0, 1)}


def test_panels_do_not_overlap() -> None:
    panels = [panel(Channel(f"v{k}", "", 0, 300), f"group {k // 4}") for k in range(9)] + [empty()]
    domains = sorted({tuple(a.domain) for a in trends(panels, columns=2).figure.select_yaxes()})
    assert all(0 <= low < high <= 1 for low, high in domains)
    assert all(a[1] < b[0] for a, b in pairwise(domains))


def test_constant_and_counted_values_get_sensible_ticks() -> None:
    scale = Channel("GCS", "points", 3, 15, "Glasgow Coma Scale")
    values = TrendPanel("neuro", scale, np.array([0.0, 4.0]), np.array([15.0, 14.0]))
    assert list(trends([values]).figure.layout.yaxis.tickvals) == [14, 15]
    flat = TrendPanel("labs", LACTATE, np.array([3.0]), np.array([2.0]))
    low, high = trends([flat]).figure.layout.yaxis.range
    assert low < 2 < high


def test_figure_is_deterministic_and_small() -> None:
    rng = np.random.default_rng(0)
    hours = np.sort(rng.uniform(0, 48, 48))
    panels = [TrendPanel("labs", LACTATE, hours, rng.normal(size=48), rng.normal(size=48)) for _ in range(37)]
    one, two = (trends(panels).figure.to_json() for _ in range(2))
    assert one == two
    assert len(one) < 700_000


def test_bad_panels_are_refused() -> None:
    with pytest.raises(InputError, match="no panel"):
        trends([])
    with pytest.raises(InputError, match="lengths"):
        trends([TrendPanel("labs", LACTATE, np.zeros(2), np.zeros(3))])


def test_sizes_without_a_sign_are_circles_of_one_hue() -> None:
    shown = panel(attribution=[0.4, 0.1, 0.0, 0.001])
    drawing = trends([shown], magnitude="sensitivity")

    (trace,) = drawing.figure.data
    assert set(trace.marker.symbol) == {"circle"}
    assert list(trace.marker.color)[:2] == [MAGNITUDE[False]] * 2
    assert MAGNITUDE[False] not in list(trace.marker.color)[2:]
    assert trace.marker.size[0] > trace.marker.size[1] > trace.marker.size[3]
    assert trace.hovertext[0].endswith("<br>sensitivity 0.4")
    key = trend_key([shown], 0.4, magnitude="sensitivity")
    assert "● the larger, the more sensitivity; it has no direction (largest 0.4)." in key
    assert "most sensitivity, a size without a direction: Heart rate 0.5" in drawing.alt
    told = key + drawing.alt + " ".join(trace.hovertext)
    assert not any(word in told for word in ("raises", "lowers", "log-odds"))
