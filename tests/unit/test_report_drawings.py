"""Drawings: geometry known by hand, nothing invented where nothing was measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amfn.types import Channel
from amfn.waves import Stretch
from report import drawings, ecg, words
from report.colours import NEGATIVE, PAPER, POSITIVE
from report.scene import Area, Scene, Stroke, Words, hatch, polyline
from report.svg import svg
from report.values import Lead, Modality, Picture, Trend
from tests.documents import STAY, content

RATE = 125.0


def lead(values: np.ndarray, unit: str = "mV", effects: np.ndarray | None = None) -> Lead:
    return Lead("ecg", "ECG II", unit, values.astype(np.float32), effects)


def strokes(scene: Scene) -> list[Stroke]:
    return [item for item in scene.items if isinstance(item, Stroke)]


def trace(scene: Scene) -> Stroke:
    return max(strokes(scene), key=lambda s: max((len(path) for path in s.paths), default=0))


def test_a_line_breaks_where_nothing_was_measured() -> None:
    nan = float("nan")
    found = polyline([0, 1, 2, 3, 4, 5], [1, 2, nan, 4, nan, 6], "#000000")
    assert found.paths == (((0, 1), (1, 2)),)


def test_sixteen_seconds_become_rows_of_whole_large_boxes() -> None:
    scenes = ecg.rows(Picture((lead(np.zeros(2000)),), RATE))
    assert len(scenes) == 3
    assert pytest.approx(0) == ecg.ROW_S * 25 % 5
    points = [path for scene in scenes for path in trace(scene).paths]
    assert [len(path) for path in points] == [676, 676, 650]
    for path in points:
        assert path[125][0] - path[0][0] == pytest.approx(25.0)


@given(st.lists(st.floats(-1.9, 1.9, allow_nan=False), min_size=200, max_size=400))
def test_ten_millimetres_are_one_millivolt_whatever_the_trace(values: list[float]) -> None:
    volts = np.array(values, dtype=np.float32)
    (scene,) = ecg.rows(Picture((lead(volts),), RATE))
    whole = [item for item in strokes(scene) if item.colour == "#000000" and item.paths and len(item.paths[0]) != 6]
    drawn = [point for stroke in whole for path in stroke.paths for point in path]
    left = ecg.LABEL + 10
    for x, y in drawn:
        k = round((x - left) / 25 * RATE)
        assert y - drawn[0][1] == pytest.approx(
            -10 * (float(volts[k]) - float(volts[round((drawn[0][0] - left) / 25 * RATE)])), abs=1e-4
        )


def test_peaks_beyond_the_paper_are_left_out_and_said() -> None:
    wave = np.zeros(1000)
    wave[500] = 9.0
    scenes = ecg.rows(Picture((lead(wave),), RATE))
    said = [item.text for scene in scenes for item in scene.items if isinstance(item, Words)]
    assert said.count("peaks leave the paper") == 1
    assert min(y for scene in scenes for path in trace(scene).paths for _, y in path) >= 0


def test_the_sign_of_an_attribution_shows_without_colour() -> None:
    effects = np.zeros(250, np.float32)
    effects[15:30], effects[60:75] = 1.0, -1.0
    (scene,) = ecg.rows(Picture((lead(np.zeros(250), effects=effects),), RATE))
    signs = (POSITIVE[False], NEGATIVE[False])
    up, down = (item for item in scene.items if isinstance(item, Area) and item.opacity == 1 and item.fill in signs)
    assert (up.fill, down.fill) == signs
    assert max(y for _, y in up.points) == pytest.approx(min(y for _, y in down.points))
    tints = [item for item in scene.items if isinstance(item, Area) and item.opacity == 0.5]
    assert [tint.points[0][0] for tint in tints] == pytest.approx([ecg.LABEL + 10 + 3, ecg.LABEL + 10 + 12])


def noisy(start: float, stop: float) -> tuple[Stretch, ...]:
    return (Stretch(start, stop, "noisy", "made up"),)


def papers(scene: Scene) -> list[float]:
    """Height of each lead's paper, mm."""
    found = [item for item in scene.items if isinstance(item, Area) and item.fill == PAPER]
    return [round(max(y for _, y in item.points) - min(y for _, y in item.points), 6) for item in found]


def test_leads_are_as_tall_on_every_row() -> None:
    wave = np.concatenate([np.tile([0.0, 0.3], 500), np.tile([0.0, 1.8], 500)])
    scenes = ecg.rows(Picture((lead(wave), lead(0.2 * wave)), RATE))
    assert len(scenes) == 3
    assert {tuple(papers(scene)) for scene in scenes} == {(25.0, 10.0)}


def test_what_cannot_be_relied_on_is_hatched_where_it_is_and_named() -> None:
    plain = lead(np.zeros(2000))
    scenes = ecg.rows(Picture((replace(plain, spoilt=noisy(4.4, 6.4)),), RATE))
    left = ecg.LABEL + 10
    ends = []
    for scene in scenes:
        shades = [item for item in scene.items if isinstance(item, Area) and item.opacity == 0.14]
        ends.append([(min(x for x, _ in s.points) - left, max(x for x, _ in s.points) - left) for s in shades])
    assert ends[0] == [pytest.approx((110.0, 135.0))]
    assert ends[1] == [pytest.approx((0.0, 25.0))]
    assert ends[2] == []
    named = [[item.text for item in scene.items if isinstance(item, Words)].count("noisy") for scene in scenes]
    assert named == [1, 1, 0]
    assert "ECG II: quality in doubt from 11.6 s to 10.6 s (noisy)." in scenes[0].alt
    assert not any("doubt" in scene.alt for scene in ecg.rows(Picture((plain,), RATE)))


def test_the_legend_names_only_what_is_drawn() -> None:
    def said(*leads: Lead) -> list[str]:
        return [item.text for item in ecg.legend(Picture(leads, RATE)).items if isinstance(item, Words)]

    plain = lead(np.zeros(2000))
    assert said(plain) == []
    assert said(replace(plain, spoilt=noisy(1, 2))) == ["quality in doubt: noisy"]
    effects = np.ones(2000, np.float32)
    assert said(lead(np.zeros(2000), effects=effects)) == [words.LEGEND_UP, words.LEGEND_DOWN]


def test_paper_is_taken_from_what_is_spoilt_where_a_page_would_not_hold_it() -> None:
    wave = 0.4 * np.sin(np.arange(2000) / 5)
    wave[1500:] *= 6
    steady = ecg.rows(Picture(tuple(lead(wave) for _ in range(4)), RATE))
    spoilt = [replace(lead(wave), spoilt=noisy(12, 16)) for _ in range(4)]
    fitted = ecg.rows(Picture(tuple(spoilt), RATE))
    assert sum(scene.height for scene in fitted) <= ecg.PAGE_MM + 1e-6
    assert sum(scene.height for scene in steady) > ecg.PAGE_MM, "what can be relied on is never cut"
    texts = [item.text for scene in steady for item in scene.items if isinstance(item, Words)]
    assert "peaks leave the paper" not in texts
    room = ecg.rows(Picture(tuple(spoilt[:1]), RATE))
    assert set(papers(room[0])) == {50.0}, "where there is room, all of it is drawn"


def test_what_was_not_recorded_is_hatched_and_named_and_what_is_off_says_so() -> None:
    scenes = ecg.rows(Picture((lead(np.zeros(250)),), RATE, missing=("PPG",)))
    assert scenes[-1].alt == "Not recorded: PPG"
    texts = [item.text for item in scenes[0].items if isinstance(item, Words)]
    assert "ECG II, switched off" in texts
    assert ecg.rows(Picture(missing=("PPG",))) == ()


@given(st.floats(0.5, 60), st.floats(0.5, 60), st.floats(0.3, 5))
def test_hatching_stays_in_its_box(width: float, height: float, step: float) -> None:
    for path in hatch(2, 3, width, height, "#000000", step).paths:
        for x, y in path:
            assert 2 - 1e-9 <= x <= 2 + width + 1e-9
            assert 3 - 1e-9 <= y <= 3 + height + 1e-9


def test_shapley_bars_point_to_the_side_of_their_sign() -> None:
    middle = drawings.BAR_WIDTH / 2
    up = drawings.shapley_bar(Modality("ecg", "ECG", "recorded", shapley=2.0, without=0.5), 2.0)
    down = drawings.shapley_bar(Modality("ecg", "ECG", "recorded", shapley=-1.0, without=0.5), 2.0)
    none = drawings.shapley_bar(Modality("ecg", "ECG", "not recorded"), 2.0)
    (raising,), (lowering,) = ([i for i in scene.items if isinstance(i, Area)] for scene in (up, down))
    assert sorted({x for x, _ in raising.points}) == pytest.approx([middle, drawings.BAR_WIDTH - 1])
    assert sorted({x for x, _ in lowering.points}) == pytest.approx([middle - (middle - 1) / 2, middle])
    assert not [item for item in none.items if isinstance(item, Area)]
    assert len(strokes(none)[0].paths) > 10


def test_a_trend_marks_each_value_and_joins_only_near_ones() -> None:
    hours = np.array([0.5, 1.5, 20.5])
    channel = Channel("K", "mmol/L", 1, 15, "Potassium", (3.5, 5.0))
    panel = Trend("labs", channel, hours, np.array([4.0, 4.2, 5.0]), np.array([0.5, -0.5, 0.0], np.float32))
    scene = drawings.trend(panel, 48, 0.5)
    line = next(stroke for stroke in strokes(scene) if stroke.colour == "#9AA3AD")
    assert [len(path) for path in line.paths] == [2]
    colours = [item.fill for item in scene.items if isinstance(item, Area)][-3:]
    assert colours[:2] == [POSITIVE[False], NEGATIVE[False]]
    assert colours[2] == drawings.GREY
    assert "Potassium, mmol/L: 3 hourly values from 4 to 5" in scene.alt
    labels = [item.text for item in scene.items if isinstance(item, Words) and item.text.endswith(" h")]
    assert labels == ["0 h", "12 h", "24 h", "36 h", "48 h"]


def test_the_estimate_is_drawn_where_it_is_on_the_scale() -> None:
    said = replace(content(STAY), risk=0.75, base_rate=0.25, spread=None, similar=None)
    scene = drawings.estimate(said)
    left, width = drawings.RISK_LABEL, drawings.RISK_WIDTH - drawings.RISK_LABEL - 4
    (mark,) = [item for item in scene.items if isinstance(item, Area)]
    assert np.mean([x for x, _ in mark.points]) == pytest.approx(left + 0.75 * width)
    base = next(stroke for stroke in strokes(scene) if stroke.width == 0.35)
    assert base.paths[0][0][0] == pytest.approx(left + 0.25 * width)
    assert "75 %; base rate 25 %" in scene.alt


def test_svg_escapes_text_and_hides_what_has_no_words() -> None:
    scene = Scene(10, 5, (Words(1, 2, "a < b & c", anchor="end"), Stroke((), "#000000")), 'said "so"')
    text = svg(scene)
    assert "a &lt; b &amp; c" in text
    assert 'aria-label="said &quot;so&quot;"' in text
    assert "<path" not in text
    assert 'aria-hidden="true"' in svg(replace(scene, alt=""))
