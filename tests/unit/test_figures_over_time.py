"""Figures of a record as it unfolds: gaps stay gaps, the prior is told apart, labels do not overlap."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amfn.types import InputError
from app import figures
from app.figures import Drawing
from app.figures.drawing import MINUS
from app.figures.panels import filled, runs, share_ticks, spread, steps
from app.theme import NEGATIVE, POSITIVE, TEXT

NAMES = ["ecg", "abp", "ppg"]
TITLES = ["ECG", "Arterial pressure", "PPG"]
HOURS = np.array([1.0, 2.0, 3.0, 4.0])
SECONDS = np.array([3.0, 2.0, 1.0, 0.0])
RISKS = np.array([0.14, 0.2, 0.5, 0.31])
VALUES = np.array([[np.nan, np.nan, 0.4], [0.5, np.nan, 0.3], [0.6, np.nan, np.nan], [0.7, np.nan, 0.2]])
SIGNED = np.array([[np.nan, np.nan, 0.4], [0.5, np.nan, -0.3], [0.6, np.nan, np.nan], [-0.7, np.nan, 0.2]])

DRAW: dict[str, Callable[[bool], Drawing]] = {
    "risk": lambda dark: figures.risk_over_time(HOURS, RISKS, 0.14, "death", "h", 1, 0.3, dark=dark),
    "gates": lambda dark: figures.shares_over_time(HOURS, VALUES, NAMES, TITLES, "gates", "h", dark),
    "weights": lambda dark: figures.shares_over_time(SECONDS, VALUES, NAMES, TITLES, "weights", "s before alarm", dark),
    "contributions": lambda dark: figures.contributions_over_time(HOURS, SIGNED, NAMES, TITLES, "h", dark=dark),
}


def spec(drawing: Drawing) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(drawing.figure.to_json())
    return loaded


def notes(drawing: Drawing) -> list[str]:
    return [note["text"] for note in spec(drawing)["layout"]["annotations"]]


def named(drawing: Drawing, name: str) -> list[dict[str, Any]]:
    return [t for t in spec(drawing)["data"] if t["name"] == name]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", sorted(DRAW))
def test_every_figure_keeps_the_common_rules(name: str, dark: bool) -> None:
    drawing = DRAW[name](dark)
    assert drawing.figure.to_json() == DRAW[name](dark).figure.to_json(), "equal values give an equal figure"
    layout = spec(drawing)["layout"]
    assert layout["uirevision"]
    assert layout["height"] > 0
    assert "title" not in layout, "titles stand on the page"
    assert layout["xaxis"]["title"]["text"]
    assert layout["template"]["layout"]["font"]["color"] == TEXT[dark]
    assert "<br>" not in drawing.alt
    assert "nan" not in drawing.alt.lower()


def test_each_estimate_holds_until_the_next_and_the_prior_stands_apart() -> None:
    drawing = DRAW["risk"](False)
    (prior,), (known,) = named(drawing, "prior"), named(drawing, "risk")
    assert (prior["x"], prior["y"]) == ([1, 2], [0.14, 0.14])
    assert known["x"][:3] == [2, 3, 4]
    assert known["y"][:3] == [0.2, 0.5, 0.31]
    assert known["line"]["shape"] == "hv"
    assert prior["line"]["dash"] != known["line"]["dash"]
    (end,) = named(drawing, "end")
    assert (end["x"], end["y"]) == ([4], [0.31])
    assert named(drawing, "nothing known")[0]["fillpattern"]["shape"] == "/"
    assert any(text == "nothing known yet" for text in notes(drawing))
    assert named(drawing, "values")[0]["customdata"][0] == "1 h: 14 %, nothing known yet"
    assert spec(drawing)["layout"]["yaxis"]["range"] == [0, 1]


def test_the_words_of_the_estimate_hold_its_numbers() -> None:
    assert DRAW["risk"](False).alt == (
        "Death as the record unfolds: 14 % while nothing was known, then 20 % at 2 h, 31 % at 4 h, lowest 20 % at 2 h, "
        "highest 50 % at 3 h; base rate 14 %. The threshold of 30 % was first reached at 3 h."
    )
    alarm = figures.risk_over_time(SECONDS, RISKS, 0.39, "true alarm", "s before alarm", 0, 0.6)
    assert "14 % at 3 s before the alarm, 31 % at the alarm" in alarm.alt
    assert "was not reached" in alarm.alt
    assert not named(alarm, "prior")
    assert spec(alarm)["layout"]["xaxis"]["range"] == [3, 0], "time runs to the right"
    assert any("at the alarm" in text for text in notes(alarm))
    banded = figures.risk_over_time(HOURS, RISKS, 0.14, "death", "h", 0, networks=(RISKS - 0.1, RISKS + 0.1))
    assert "The networks end between 21 % and 41 %." in banded.alt
    assert named(banded, "networks")[0]["y"][:2] == pytest.approx([0.04, 0.04])


def test_a_record_of_which_nothing_was_ever_known_is_all_prior() -> None:
    drawing = figures.risk_over_time(HOURS, np.full(4, 0.14), 0.14, "death", "h", 4)
    assert not named(drawing, "risk")
    assert "nothing was known at any moment" in drawing.alt
    single = figures.risk_over_time(HOURS[:1], RISKS[:1], 0.14, "death", "h", 0)
    assert spec(single)["layout"]["xaxis"]["range"] == [0.5, 1.5]


def test_gaps_are_hatched_and_never_zero() -> None:
    for name in ("gates", "weights", "contributions"):
        drawing = DRAW[name](False)
        ecg, abp, ppg = (trace["y"] for trace in named(drawing, "values"))
        values = SIGNED if name == "contributions" else VALUES
        assert ecg == [None, *values[1:, 0]]
        assert abp == [None] * 4
        assert ppg == [values[0, 2], values[1, 2], None, values[3, 2]]
        assert len(named(drawing, "not recorded")) == 3
        assert (
            named(drawing, "not recorded")[2]["x"]
            == (SECONDS if name == "weights" else HOURS)[[2, 3, 3, 2, 2]].tolist()
        )
        line = named(drawing, "PPG")[0]
        assert None in line["y"]
        assert line["connectgaps"] is False


def test_what_came_at_the_last_moment_is_seen() -> None:
    late = np.array([[np.nan], [np.nan], [np.nan], [0.4]])
    drawing = figures.shares_over_time(SECONDS, late, NAMES[:1], TITLES[:1], "gates", "s before alarm")
    (dot,) = named(drawing, "last")
    assert (dot["x"], dot["y"]) == ([0], [0.4])
    assert "<b>ECG</b>, from the alarm" in notes(drawing)
    assert "ECG 0.40 at the alarm" in drawing.alt


def test_rows_say_from_when_on_a_modality_was_there() -> None:
    written = notes(DRAW["gates"](False))
    assert "<b>ECG</b>, from 2 h" in written
    assert "<b>Arterial pressure</b>, not recorded" in written
    assert "<b>PPG</b>" in written
    assert "<b>0.70</b>" in written
    assert "<b>20 %</b>" in notes(DRAW["weights"](False))
    early = figures.shares_over_time(HOURS, np.where(HOURS[:, None] > 3, np.nan, VALUES), NAMES, TITLES, "gates", "h")
    assert "<b>ECG</b>, from 2 h, not at the end" in notes(early)
    assert "ECG 0.50 at 2 h to 0.60 at 3 h, not known at the end" in early.alt


def test_rows_share_both_scales_and_do_not_overlap() -> None:
    for name in ("gates", "weights", "contributions"):
        layout = spec(DRAW[name](False))["layout"]
        axes = [layout[axis] for axis in ("yaxis", "yaxis2", "yaxis3")]
        assert len({tuple(axis["range"]) for axis in axes}) == 1
        for upper, lower in pairwise(axes):
            assert upper["domain"][0] > lower["domain"][1]
    assert spec(DRAW["weights"](False))["layout"]["yaxis"]["ticktext"] == ["0 %", "75 %"]
    assert spec(DRAW["gates"](False))["layout"]["yaxis"]["ticktext"] == ["0.00", "1.00"]


def test_the_sign_of_a_contribution_shows_without_colour() -> None:
    drawing = DRAW["contributions"](False)
    low, high = spec(drawing)["layout"]["yaxis"]["range"]
    assert low == -high
    assert spec(drawing)["layout"]["yaxis"]["ticktext"] == [f"{MINUS}0.5", "0", "+0.5"]
    assert any("raises" in text and "lowers" in text for text in notes(drawing))
    assert f"<b>{MINUS}0.70</b>" in notes(drawing)
    assert f"ECG +0.50 at 2 h to {MINUS}0.70" in drawing.alt
    assert "Never recorded: Arterial pressure." in drawing.alt
    up, down = named(drawing, "area")[:2]
    assert min(v for v in up["y"] if v is not None) == 0
    assert max(v for v in down["y"] if v is not None) == 0
    assert up["fillcolor"] != down["fillcolor"]
    assert POSITIVE[False] != NEGATIVE[False]


def test_a_record_without_anything_has_only_hatching() -> None:
    nothing = np.full((4, 3), np.nan)
    for drawing in (
        figures.shares_over_time(HOURS, nothing, NAMES, TITLES, "weights", "h"),
        figures.contributions_over_time(HOURS, nothing, NAMES, TITLES, "h"),
    ):
        assert "nothing was recorded" in drawing.alt
        assert not named(drawing, "area")
        assert len(named(drawing, "not recorded")) == 3


def test_eight_rows_are_eight_panels() -> None:
    names = [f"m{i}" for i in range(8)]
    drawing = figures.shares_over_time(HOURS, np.full((4, 8), 0.125), names, names, "weights", "h")
    assert sum(axis.startswith("yaxis") for axis in spec(drawing)["layout"]) == 8


BAD: dict[str, tuple[Callable[[], Drawing], str]] = {
    "a risk too few": (lambda: figures.risk_over_time(HOURS, RISKS[:3], 0.1, "death", "h", 0), "risks"),
    "a risk that is NaN": (lambda: figures.risk_over_time(HOURS, RISKS * np.nan, 0.1, "death", "h", 0), "nan"),
    "a logit": (lambda: figures.risk_over_time(HOURS, RISKS - 1, 0.1, "death", "h", 0), "risks"),
    "a base rate that is none": (lambda: figures.risk_over_time(HOURS, RISKS, 1.1, "death", "h", 0), "probability"),
    "a threshold that is none": (lambda: figures.risk_over_time(HOURS, RISKS, 0.1, "death", "h", 0, -1), "probability"),
    "a band upside down": (
        lambda: figures.risk_over_time(HOURS, RISKS, 0.1, "death", "h", 0, networks=(RISKS, RISKS - 0.1)),
        "limits",
    ),
    "no moment": (lambda: figures.risk_over_time(HOURS[:0], RISKS[:0], 0.1, "death", "h", 0), "no times"),
    "beyond the end": (lambda: figures.risk_over_time(HOURS, RISKS, 0.1, "death", "h", 5), "first_known"),
    "hours backwards": (lambda: figures.risk_over_time(SECONDS, RISKS, 0.1, "death", "h", 0), "ascending"),
    "seconds forwards": (
        lambda: figures.risk_over_time(HOURS, RISKS, 0.1, "death", "s before alarm", 0),
        "descending",
    ),
    "another unit": (lambda: figures.risk_over_time(HOURS, RISKS, 0.1, "death", "min", 0), "unit"),  # type: ignore[arg-type]
    "another kind": (lambda: figures.shares_over_time(HOURS, VALUES, NAMES, TITLES, "alpha", "h"), "kind"),  # type: ignore[arg-type]
    "a share above one": (lambda: figures.shares_over_time(HOURS, VALUES * 2, NAMES, TITLES, "gates", "h"), "1.2"),
    "a title too few": (lambda: figures.shares_over_time(HOURS, VALUES, NAMES, TITLES[:2], "gates", "h"), "lengths"),
    "no modality": (lambda: figures.shares_over_time(HOURS, VALUES[:, :0], [], [], "gates", "h"), "lengths"),
    "turned": (lambda: figures.contributions_over_time(HOURS, SIGNED.T, NAMES, TITLES, "h"), "values"),
    "infinite": (lambda: figures.contributions_over_time(HOURS, SIGNED + np.inf, NAMES, TITLES, "h"), "inf"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_input_is_refused_by_name(case: str) -> None:
    draw, said = BAD[case]
    with pytest.raises(InputError, match=said):
        draw()


@given(st.lists(st.booleans(), max_size=20))
def test_runs_cover_exactly_what_is_known(known: list[bool]) -> None:
    covered = [i for first, last in runs(np.array(known, dtype=bool)) for i in range(first, last + 1)]
    assert covered == [i for i, here in enumerate(known) if here]


def test_steps_and_areas_close_at_the_next_moment() -> None:
    values = np.array([0.1, np.nan, 0.3, 0.4])
    x, y = steps(HOURS, values)
    assert x == [1, 2, None, 3, 4, 4]
    assert y == [0.1, 0.1, None, 0.3, 0.4, 0.4]
    area = filled(HOURS, values, "#000000")
    assert area["x"] == [1, 1, 2, 2, None, 3, 3, 4, 4, 4, 4]
    assert area["y"] == [0, 0.1, 0.1, 0, None, 0, 0.3, 0.3, 0.4, 0.4, 0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_labels_keep_their_distance_and_their_order(wanted: list[float]) -> None:
    places = spread(wanted, 0.15, 0.05, 0.95)
    assert all(0.05 - 1e-9 <= place <= 0.95 + 1e-9 for place in places)
    ordered = [places[i] for i in np.argsort(wanted, kind="stable")]
    assert all(b - a >= 0.15 - 1e-9 for a, b in pairwise(ordered))


def test_labels_with_room_stay_where_they_belong() -> None:
    assert spread([0.8, 0.2, 0.5], 0.1, 0, 1) == [0.8, 0.2, 0.5]


def test_ticks_are_round_and_few() -> None:
    assert share_ticks(0.03, 0.12)["ticktext"] == ["4 %", "6 %", "8 %", "10 %", "12 %"]
    assert share_ticks(-0.02, 1.02)["ticktext"] == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]
