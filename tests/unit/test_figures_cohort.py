"""Figures over many records: every number where it belongs and in the words, nothing invented where there is none."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from amfn.types import InputError
from app.figures import Drawing
from app.figures.cohort_beeswarm import ROOM, Swarm, beeswarm, strength, swarmed
from app.figures.cohort_channels import channel_cells, gap_bars
from app.figures.cohort_groups import group_cells, group_spread
from app.figures.cohort_pairs import mean_interactions, mean_shares
from app.figures.cohort_performance import decision_band, precision_recall_curve, roc_curve, without_one
from app.figures.cohort_routing import agreement_spread, routing_and_contribution, spread_of_shares
from app.theme import TEXT

NAMES, TITLES = ("heart_rate", "labs"), ("Heart rate", "Laboratory")
NAN = float("nan")
VALUES = np.array([[0.5, -1.0], [0.5, NAN], [-0.2, 2.0]])
FIVE = np.array([[0.1, 0.2, 0.3, 0.4, 0.5], [NAN] * 5])
CELLS = np.array([[0.25, NAN], [NAN, 0.5]])
CURVE = (np.array([0, 0.5, 1]), np.array([0, 0.8, 1]), np.array([0, 0.7, 1]), np.array([0.1, 0.9, 1]))


def swarm(**more: Any) -> Swarm:
    return Swarm(keys=(7, 8, 9), words=("Record a", "Record b", "Record c"), values=VALUES, **more)


def every(dark: bool) -> list[Drawing]:
    pair = np.array([[0.1, NAN], [0.2, 0.3]])
    both = np.array([[3, 0], [2, 3]])
    symmetric = np.array([[0.1, -0.2], [-0.2, 0.3]])
    return [
        beeswarm(swarm(), TITLES, 3, dark=dark),
        strength((0.4, NAN), (0.3, NAN), (0.5, NAN), NAMES, TITLES, (3, 0), dark),
        group_cells(np.array([[0.1, NAN]]), np.array([[2, 0]]), ("Female",), TITLES, dark),
        group_spread([(0.1, 0.0, 0.2), None], [None, None], ("Female", "Male"), (2, 1), "labs", "Laboratory", dark),
        channel_cells(CELLS, (3, 2), ("pH", "Age"), ("0 to 8 h", "stated once"), dark=dark),
        channel_cells(-CELLS, (3, 2), ("pH", "Age"), ("0 to 8 h", "stated once"), sign=True, dark=dark),
        gap_bars((3, 0, 1), ("up to 1 %", "1 to 5 %", "over 5 %"), (False, False, True), dark),
        mean_shares(pair, pair / 2, both, TITLES, "takes", "from", dark),
        mean_interactions(symmetric, np.full((2, 2), 3), TITLES, dark=dark),
        roc_curve(CURVE, (0.8, 0.7, 0.9), dark),
        precision_recall_curve(CURVE, (0.5, 0.4, 0.6), 0.2, dark),
        decision_band(CURVE, np.array([0.1, 0, -0.1]), dark),
        without_one((-0.02, 0.0), (-0.03, -0.01), (-0.01, 0.01), NAMES, TITLES, (3, 2), dark),
        spread_of_shares(FIVE, np.array([0.3, NAN]), NAMES, TITLES, (3, 0), "gate (0 closed, 1 open)", False, dark),
        routing_and_contribution(np.array([0.2, NAN]), np.array([0.4, NAN]), NAMES, TITLES, "fusion weight", dark),
        agreement_spread(
            FIVE, np.array([0.3, NAN]), ("β with Shapley value", "γ with leave-one-out"), (3, 0), (0, 0), dark
        ),
    ]


def spec(drawing: Drawing) -> dict[str, Any]:
    text = drawing.figure.to_json()
    assert "NaN" not in text
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@pytest.mark.parametrize("dark", [False, True])
def test_common_rules(dark: bool) -> None:
    for drawing in every(dark):
        layout = spec(drawing)["layout"]
        assert layout["uirevision"]
        assert layout["template"]["layout"]["font"]["color"] == TEXT[dark]
        assert "title" not in layout, "titles stand on the page"
        margin = layout.get("margin", {})
        assert margin.get("l", 8) + margin.get("r", 8) < 200, "a phone is 390 px wide"
        assert len(drawing.alt) > 30
        assert "nan" not in drawing.alt.lower()


def test_every_point_of_the_swarm_says_which_record_it_is() -> None:
    drawing = beeswarm(swarm(), TITLES, of=3)
    (points,) = spec(drawing)["data"]
    assert points["x"] == [0.5, -1.0, 0.5, -0.2, 2.0]
    assert [key for key, _ in points["customdata"]] == [7, 7, 8, 9, 9]
    assert points["customdata"][1][1] == "Record a<br>Laboratory −1.00"
    assert [round(y) for y in points["y"]] == [0, 1, 0, 0, 1]
    assert points["y"][0] != points["y"][2], "equal values do not hide each other"
    assert "3 records" in drawing.alt
    assert "Heart rate +0.50" in drawing.alt
    assert "2 of 500" not in drawing.alt
    assert "3 of 500 records drawn by chance" in beeswarm(swarm(), TITLES, of=500).alt


def test_the_chosen_record_is_ringed_in_every_row_it_has() -> None:
    ring = spec(beeswarm(swarm(), TITLES, 3, picked=8))["data"][-1]
    assert ring["name"] == "chosen record"
    assert ring["x"] == [0.5], "it lacks the other modality"
    assert len(spec(beeswarm(swarm(), TITLES, 3, picked=99))["data"]) == 1


def test_points_are_coloured_by_what_was_measured_or_by_outcome_in_two_shapes() -> None:
    shares = np.array([[0.0, 1.0], [0.5, NAN], [0.25, 0.75]])
    (points,) = spec(beeswarm(swarm(shares=shares), TITLES, 3))["data"]
    assert points["marker"]["color"] == [0.0, 1.0, 0.5, 0.25, 0.75]
    assert points["customdata"][0][1].endswith("0 % measured")
    survived, died = spec(
        beeswarm(swarm(outcomes=np.array([True, False, False]), outcome_names=("Survived", "Died")), TITLES, 3)
    )["data"]
    assert [key for key, _ in died["customdata"]] == [7, 7]
    assert died["marker"]["symbol"] != survived["marker"]["symbol"]
    assert (survived["name"], died["name"]) == ("Survived", "Died")


def test_a_swarm_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="2 words"):
        beeswarm(Swarm((1, 2, 3), ("a", "b"), VALUES), TITLES, 3)
    with pytest.raises(InputError, match="contributions"):
        beeswarm(swarm(), (*TITLES, "Urine"), 3)


@given(arrays(float, st.integers(0, 300), elements=st.floats(-3, 3)))
def test_points_stay_in_their_row(values: np.ndarray) -> None:
    moved = swarmed(values, 3.2)
    assert (np.abs(moved) <= ROOM + 1e-12).all()
    assert np.array_equal(moved, swarmed(values, 3.2)), "no chance in it"


def test_the_mean_size_has_its_interval_and_a_modality_without_records_no_bar() -> None:
    drawing = strength((0.4, NAN), (0.3, NAN), (0.55, NAN), NAMES, TITLES, (3, 0))
    (bars,) = spec(drawing)["data"]
    assert bars["x"] == [0.4]
    assert bars["error_x"]["array"] == pytest.approx([0.15])
    assert bars["error_x"]["arrayminus"] == pytest.approx([0.1])
    assert [note["text"] for note in spec(drawing)["layout"]["annotations"]] == ["0.40", "no record"]
    with pytest.raises(InputError, match="outside its own limits"):
        strength((0.4, 0.1), (0.5, 0.0), (0.55, 0.2), NAMES, TITLES, (3, 3))


def test_groups_without_a_record_are_hatched() -> None:
    drawing = group_cells(np.array([[0.1, NAN], [-0.4, 0.2]]), np.array([[2, 0], [3, 3]]), ("F", "M"), TITLES)
    heat, hatched = spec(drawing)["data"]
    assert heat["z"] == [[0.1, None], [-0.4, 0.2]]
    assert hatched["fillpattern"]["shape"] == "/"
    assert "Heart rate from −0.40 (M) to +0.10 (F)" in drawing.alt


def test_a_group_has_a_box_or_an_interval_or_a_word() -> None:
    drawing = group_spread(
        [(0.1, 0.0, 0.2), (0.5, 0.2, 0.8), None],
        [(-1, -0.5, 0, 0.5, 1), None, None],
        ("A", "B", "C"),
        (30, 3, 1),
        "labs",
        "Laboratory",
    )
    box, mean, interval = spec(drawing)["data"]
    assert (box["q1"], box["median"], box["upperfence"]) == ([-0.5], [0], [1])
    assert mean["x"] == [0.1]
    assert interval["x"] == [0.5]
    assert interval["error_x"]["array"] == pytest.approx([0.3])
    texts = [note["text"] for note in spec(drawing)["layout"]["annotations"]]
    assert texts[:3] == ["+0.10", "+0.50", "too few"]


def test_pairs_are_drawn_whole_and_a_modality_by_itself_as_it_is() -> None:
    drawing = mean_interactions(np.array([[0.1, -0.2], [-0.2, 0.3]]), np.full((2, 2), 4), TITLES)
    (heat,) = spec(drawing)["data"]
    assert heat["z"] == [[0.1, -0.4], [-0.4, 0.3]]
    assert "Heart rate with Laboratory −0.40" in drawing.alt
    sizes = mean_interactions(np.array([[0.1, 0.2], [0.2, 0.3]]), np.full((2, 2), 4), TITLES, sizes=True)
    assert all("+" not in note["text"] for note in spec(sizes)["layout"]["annotations"][:4])
    with pytest.raises(InputError, match="values"):
        mean_interactions(np.array([[0.1, -0.2], [-0.2, 0.3]]), np.full((2, 2), 4), TITLES, sizes=True)


def test_mean_shares_write_their_spread() -> None:
    drawing = mean_shares(
        np.array([[0.4, 0.6], [0.7, NAN]]), np.array([[0.1, 0.2], [0.05, NAN]]), np.array([[3, 3], [3, 0]]), TITLES,
        "takes", "from",
    )  # fmt: skip
    layout = spec(drawing)["layout"]
    assert [note["text"] for note in layout["annotations"][:3]] == ["40<br>±10", "60<br>±20", "70<br>±5"]
    assert spec(drawing)["data"][1]["name"] == "never recorded together"
    assert "Laboratory and Heart rate 70 % (standard deviation 5)" in drawing.alt


def test_curves_lie_in_their_bands_and_say_their_areas() -> None:
    drawing = roc_curve(CURVE, (0.8, 0.7, 0.9))
    band, chance, curve = spec(drawing)["data"]
    assert band["y"] == [0, 0.7, 1, 1, 0.9, 0.1]
    assert chance["y"] == [0, 1]
    assert curve["y"] == [0, 0.8, 1]
    assert "AUROC 0.800 (0.700 to 0.900)" in drawing.alt
    assert spec(precision_recall_curve(CURVE, (0.5, 0.4, 0.6), 0.2))["data"][1]["y"] == [0.2, 0.2]
    with pytest.raises(InputError, match="outside its own limits"):
        roc_curve((*CURVE[:2], CURVE[3], CURVE[2]), (0.8, 0.7, 0.9))
    x = np.array([0.1, 0.2, 0.3])
    decided = decision_band((x, np.array([0.1, 0.0, -0.1]), x - 0.4, x + 0.1), np.array([0.1, 0.05, -0.2]))
    assert "at least as good as both at 1 of 3 thresholds" in decided.alt
    lines = spec(decided)["data"][1:]
    assert len({line["line"]["dash"] for line in lines}) == 3, "told apart without colour"


def test_what_one_modality_is_worth() -> None:
    drawing = without_one((-0.02, 0.0), (-0.03, -0.01), (-0.01, 0.01), NAMES, TITLES, (3, 2))
    (points,) = spec(drawing)["data"]
    assert points["x"] == [-0.02, 0.0]
    assert drawing.alt.startswith(
        "Change of AUROC when one modality is taken away, largest loss first: Heart rate −0.020"
    )


def test_routing_beside_contribution_has_a_label_for_each_point() -> None:
    drawing = routing_and_contribution(np.array([0.2, 0.21]), np.array([0.4, 0.41]), NAMES, TITLES, "fusion weight (β)")
    points = spec(drawing)["data"][-1]
    assert points["x"] == [0.2, 0.21]
    notes = spec(drawing)["layout"]["annotations"]
    assert [note["text"] for note in notes] == list(TITLES)
    assert abs(notes[0]["y"] - notes[1]["y"]) > 0.02, "labels of near points do not cover each other"
    with pytest.raises(InputError, match="no modality with both"):
        routing_and_contribution(np.full(2, NAN), np.full(2, NAN), NAMES, TITLES, "fusion weight (β)")


def test_taus_outside_their_scale_are_refused() -> None:
    with pytest.raises(InputError, match="means"):
        agreement_spread(FIVE[:1], np.array([1.2]), ("β with Shapley value",), (3,), (0.1,))


def test_channels_are_empty_where_they_have_no_such_stretch() -> None:
    drawn = channel_cells(CELLS, (3, 2), ("pH", "Age"), ("0 to 8 h", "stated once"))
    figure = spec(drawn)
    (heat,) = figure["data"]
    assert heat["z"] == [[0.25, None], [None, 0.5]]
    assert (heat["zmin"], heat["zmax"]) == (0, 0.5)
    assert heat["customdata"][0][0] == "pH, 0 to 8 h: mean size 0.250 log-odds, 3 records"
    assert [note["text"] for note in figure["layout"]["annotations"]][:-1] == [".25", ".50"]
    assert "Age, stated once: 0.500 and pH, 0 to 8 h: 0.250" in drawn.alt
    with pytest.raises(InputError):
        channel_cells(-CELLS, (3, 2), ("pH", "Age"), ("0 to 8 h", "stated once"))


def test_signed_channels_have_a_scale_around_zero() -> None:
    drawn = channel_cells(-CELLS, (3, 2), ("pH", "Age"), ("0 to 8 h", "stated once"), sign=True)
    heat = spec(drawn)["data"][0]
    assert (heat["zmin"], heat["zmax"]) == (-0.5, 0.5)
    assert "Age, stated once: \N{MINUS SIGN}0.50" in drawn.alt


def test_gaps_beyond_the_limit_are_crossed() -> None:
    drawn = gap_bars((3, 0, 1), ("up to 1 %", "1 to 5 %", "over 5 %"), (False, False, True))
    (bars,) = spec(drawn)["data"]
    assert bars["x"] == [3, 0, 1]
    assert bars["marker"]["pattern"]["shape"] == ["", "", "x"]
    assert "over 5 % 1" in drawn.alt
