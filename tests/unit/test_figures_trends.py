"""Trends: units, reference intervals, breaks in the line, the sign as a symbol, what was never charted."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amfn.types import Channel, InputError
from app.figures import Drawing, TrendPanel, largest_attribution, on_shared_scales, trend_key, trend_panel, trends
from app.figures.drawing import MINUS
from app.theme import MAGNITUDE

RATE = Channel("HR", "bpm", 20, 300, "Heart rate", (60, 100))
TEMPERATURE = Channel("Temp", "degC", 25, 45, "Temperature", (36, 38))
LACTATE = Channel("Lactate", "mmol/L", 0, 40, "Lactate")


def panel(channel: Channel = RATE, modality: str = "heart_rate", attribution: list[float] | None = None) -> TrendPanel:
    effect = None if attribution is None else np.array(attribution, np.float32)
    return TrendPanel(modality, channel, np.array([1.0, 2.5, 12.0, 13.0]), np.array([80, 120, 70, 90.0]), effect)


def held(*stretches: tuple[float, float, float]) -> TrendPanel:
    return replace(panel(), carried=np.array(stretches))


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
    said = {re.sub("</?span[^>]*>", "", note) for note in notes(drawing)}
    assert {"Heart rate, bpm (60 to 100)", "Temperature, °C (36 to 38)"} <= said
    assert {"<b>Heart rate</b>", "<b>Neuro temperature</b>"} <= said
    assert "Lactate, mmol/L" in notes(trends([panel(LACTATE, "labs")])), "without a reference there is none to name"
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


def test_what_is_carried_forward_is_drawn_apart_and_named_as_no_measurement() -> None:
    drawing = trends([held((3, 12, 120), (14, 48, 90))])
    carried, points = drawing.figure.data
    assert list(carried.x) == [3, 7.5, 12, None, 14, 31, 48, None]
    assert list(carried.y) == [120, 120, 120, None, 90, 90, 90, None]
    assert carried.mode == "lines", "no marker: it is no measurement"
    assert carried.line.dash != points.line.dash
    assert carried.hovertext[0].startswith("Heart rate: nothing measured from 03:00 to 12:00")
    assert carried.hovertext[0].endswith("the model goes on with 120 bpm")
    assert list(points.x) == [1.0, 2.5, None, 12.0, 13.0]
    assert "Fine dashes: nothing was measured" in trend_key([held((3, 12, 120))])
    assert "dashes" not in trend_key([panel()])
    assert len(trends([panel()]).figure.data) == 1


def test_points_are_not_joined_where_a_value_is_carried_forward_between_them() -> None:
    """An hour without a measurement lies between 1:00 and 2:30 only if the model's grid says so."""
    joined, apart = trends([held((14, 48, 90))]), trends([held((1.5, 2, 80))])
    assert list(joined.figure.data[1].x)[:3] == [1.0, 2.5, None]
    assert list(apart.figure.data[1].x)[:3] == [1.0, None, 2.5]


def test_axis_shows_what_is_carried_forward() -> None:
    """Volumes of an hour add up: what is carried may lie above every single one."""
    _, high = trends([held((14, 48, 400))]).figure.layout.yaxis.range
    assert high > 400


def test_the_key_is_said_once_for_figures_side_by_side() -> None:
    key = trend_key([panel(), panel(LACTATE, "labs")], 0.4, "the book")
    assert "reference interval (the book)" in key
    assert "A reference interval is a laboratory's range for healthy adults, not a treatment target." in key
    assert "treatment target" not in trend_key([panel(LACTATE, "labs")]), "no interval, nothing to warn of"
    assert key.startswith(
        "Hours since the start of the record. Points were measured. Shaded, its limits after the unit"
    )
    assert "reference interval (the book); where nothing is shaded, no reference is shown." in key
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
    panels = [panel(Channel(f"v{k}", "", 0, 300), f"group {k // 4}") for k in range(9)]
    domains = sorted({tuple(a.domain) for a in trends(panels, columns=2).figure.select_yaxes()})
    assert all(0 <= low < high <= 1 for low, high in domains)
    assert all(a[1] < b[0] for a, b in pairwise(domains))


def test_constant_and_counted_values_get_sensible_ticks() -> None:
    scale = Channel("SOFA", "points", 0, 24, "Organ failure score")
    values = TrendPanel("neuro", scale, np.array([0.0, 4.0]), np.array([15.0, 14.0]))
    assert list(trends([values]).figure.layout.yaxis.tickvals) == [14, 15]
    mean = TrendPanel("neuro", scale, np.array([0.0, 4.0]), np.array([14.3, 14.5]))
    assert list(trends([mean]).figure.layout.yaxis.tickvals) == [14, 15], "points are counted in whole ones"
    flat = TrendPanel("labs", LACTATE, np.array([3.0]), np.array([2.0]))
    low, high = trends([flat]).figure.layout.yaxis.range
    assert low < 2 < high


HR = Channel("HR", "bpm", 10, 300, "Heart rate")
GCS = Channel("GCS", "points", 3, 15, "Glasgow Coma Scale")
LINE = Channel("SysABP", "mmHg", 20, 350, "Systolic pressure (arterial line)")
CUFF = Channel("NISysABP", "mmHg", 20, 350, "Systolic pressure (cuff)")


def course(channel: Channel, *values: float) -> TrendPanel:
    return TrendPanel("vitals", channel, np.arange(float(len(values))), np.array(values))


def drawn_range(drawing: Drawing, key: str = "yaxis") -> tuple[float, float]:
    low, high = json.loads(drawing.figure.to_json())["layout"][key]["range"]
    return low, high


def test_a_quiet_course_looks_quiet() -> None:
    low, high = drawn_range(trends([course(HR, 83, 101, 90)]))
    assert high - low > 60
    assert (low + high) / 2 == pytest.approx(92)
    wide = drawn_range(trends([course(HR, 40, 180)]))
    assert wide == pytest.approx((40 - 0.12 * 140, 180 + 0.12 * 140)), "what needs more room takes only that"
    other = drawn_range(trends([course(replace(HR, name="Creatinine"), 0.8, 1.6)]))
    assert other[1] - other[0] < 1.1, "a doubled creatinine still looks doubled"


def test_room_is_given_where_values_can_be() -> None:
    """The whole coma scale and not points below 3 or above 15, but for the margin."""
    low, high = drawn_range(trends([course(GCS, 15, 14, 15)]))
    assert (low, high) == pytest.approx((3 - 0.12 * 12, 15 + 0.12 * 12))


def test_line_and_cuff_stand_on_one_scale_also_in_two_figures() -> None:
    both = [course(LINE, 90, 190), course(CUFF, 118, 122)]
    together = trends(both, columns=1)
    assert drawn_range(together, "yaxis") == drawn_range(together, "yaxis2")
    assert drawn_range(together)[1] > 190
    alone = [drawn_range(trends([shown])) for shown in both]
    assert alone[0] != alone[1], "each by itself has its own"
    apart = [drawn_range(trends([shown])) for shown in on_shared_scales(both)]
    assert apart == [drawn_range(together)] * 2
    rate, _ = on_shared_scales([course(HR, 80, 90), course(LINE, 90, 190)])
    assert drawn_range(trends([rate])) == drawn_range(trends([course(HR, 80, 90)])), "another quantity has its own"


def test_there_is_no_negative_zero() -> None:
    troponin = Channel("TroponinT", "ug/L", 0, 100, "Troponin T")
    for values in ((0.0, 0.07), (-0.0, 0.07), (-0.05, 0.05), (-1e-12, 0.4)):
        axis = json.loads(trends([course(troponin, *values)]).figure.to_json())["layout"]["yaxis"]
        assert f"{MINUS}0" not in axis["ticktext"]
        assert all(math.copysign(1, tick) > 0 for tick in axis["tickvals"] if tick == 0)
    assert trend_panel.short(-0.0) == "0"
    assert trend_panel.short(-0.5) == f"{MINUS}0.5"


def test_hourly_values_are_called_what_they_are() -> None:
    urine = Channel("Urine", "mL", 0, 12000, "Urine output")
    mean = replace(course(HR, 80, 140 + 1 / 3), hours=np.array([2.5, 3.5]), hourly="average")
    total = replace(course(urine, 30, 40), hourly="total")
    key = trend_key([mean, total])
    assert "Points are hourly averages (totals: Urine output) of what was measured, as the model reads them." in key
    assert "Points were measured" not in key
    assert "Points are hourly averages of what was measured" in trend_key([mean])
    drawing = trends([mean])
    (trace,) = drawing.figure.data
    assert trace.hovertext[1] == "Heart rate, hourly average: 140.3 bpm<br>from 03:00 to 04:00 (hours:minutes)"
    assert "with 2 hourly values over" in drawing.alt
    assert "observations" in trends([course(HR, 80, 90)]).alt


def test_a_flag_has_two_levels_and_no_others() -> None:
    flag = Channel("MechVent", "0/1", 0, 1, "Mechanical ventilation", flag=True)
    axis = trends([TrendPanel("lungs", flag, np.array([1.0, 2.0]), np.array([1.0, 1.0]))]).figure.layout.yaxis
    assert list(axis.tickvals) == [0, 1]
    assert axis.range == (-0.2, 1.2)


@given(st.floats(-50, 5000), st.floats(0.01, 3000))
def test_an_axis_has_at_least_two_ticks_and_at_most_five(low: float, span: float) -> None:
    values = TrendPanel("labs", LACTATE, np.array([1.0, 2.0]), np.array([low, low + span]))
    ticks = list(trends([values]).figure.layout.yaxis.tickvals)
    assert 2 <= len(ticks) <= 5


def test_figure_is_deterministic_and_small() -> None:
    rng = np.random.default_rng(0)
    hours = np.sort(rng.uniform(0, 48, 48))
    panels = [TrendPanel("labs", LACTATE, hours, rng.normal(size=48), rng.normal(size=48)) for _ in range(37)]
    one, two = (trends(panels).figure.to_json() for _ in range(2))
    assert one == two
    assert len(one) < 700_000


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (replace(panel(), values=np.zeros(3)), "lengths"),
        (panel(attribution=[0.1]), "lengths"),
        (replace(panel(), hours=np.zeros(0), values=np.zeros(0)), "no point"),
        (replace(panel(), hours=np.array([1.0, 2.5, 2.0, 13.0])), "go back"),
        (replace(panel(), carried=np.zeros((2, 2))), "carried"),
    ],
)
def test_bad_panels_are_refused(broken: TrendPanel, said: str) -> None:
    with pytest.raises(InputError, match=said):
        trends([panel(), broken])


def test_no_panel_is_refused() -> None:
    with pytest.raises(InputError, match="no panel"):
        trends([])


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
