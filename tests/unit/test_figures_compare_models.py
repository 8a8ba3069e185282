"""Figures that put models beside each other, judged on the JSON that Plotly gets."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from amfn.types import InputError
from app.figures import Drawing, State
from app.figures.compare_models import Points, figure_differences, risk_rows, risk_scatter, size_spread
from app.figures.compare_models_reasons import agreement_matrix, correlation_cells, crossed_cells, model_bars

MODELS = ("A · whole model", "B · network-0 alone")
NAMES, TITLES = ("heart_rate", "labs", "urine"), ("Heart rate", "Laboratory", "Urine output")
NAN = np.nan


def spec(drawing: Drawing) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(drawing.figure.to_json())
    assert "NaN" not in json.dumps(found["data"])
    return found


def trace(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in found["data"] if each["name"] == name)


def points() -> Points:
    return Points(
        [7, 8, 9], ["Record 7", "Record 8", "Record 9"],
        np.array([0.1, 0.3, 0.8]), np.array([0.2, 0.1, 0.8]), np.array([0, 1, -1]),
    )  # fmt: skip


@pytest.mark.parametrize("dark", [False, True])
def test_a_point_knows_its_record_and_its_outcome(dark: bool) -> None:
    drawn = risk_scatter(points(), MODELS, ("Survived", "Died"), 0.15, 10, 8, dark)
    found = spec(drawn)
    died = trace(found, "Died")
    assert (died["x"], died["y"], died["customdata"]) == ([0.3], [0.1], [[8, "Record 8"]])
    assert trace(found, "outcome not known")["customdata"] == [[9, "Record 9"]]
    shapes = {trace(found, name)["marker"]["symbol"] for name in ("Survived", "Died", "outcome not known")}
    assert len(shapes) == 3
    ring = trace(found, "chosen record")
    assert (ring["x"], ring["y"]) == ([0.3], [0.1])
    # Record 7 crosses upwards, record 8 downwards.
    assert "3 of 10 records drawn; 2 of these stand on opposite sides of 15 %" in drawn.alt
    across = [(s["x0"], s["x1"], s["y0"], s["y1"]) for s in found["layout"]["shapes"]]
    assert across == [(-0.02, 0.15, 0.15, 1.02), (0.15, 1.02, -0.02, 0.15)]


def test_a_scatter_refuses_what_is_no_chance() -> None:
    wrong = Points([1], ["one"], np.array([1.2]), np.array([0.1]), np.array([0]))
    with pytest.raises(InputError, match="0 to 1"):
        risk_scatter(wrong, MODELS, ("no", "yes"), 0.5, 1)
    lacking = Points([1], [], np.array([0.2]), np.array([0.1]), np.array([0]))
    with pytest.raises(InputError, match="one each"):
        risk_scatter(lacking, MODELS, ("no", "yes"), 0.5, 1)


def test_sizes_are_percentage_points() -> None:
    drawn = size_spread(np.array([0, 0.1, 0.2]), np.array([3, 1]), 0.05, 0.18, 0.2)
    found = spec(drawn)
    bars = trace(found, "records")
    assert (bars["x"], bars["y"], bars["width"]) == ([5, 15], [3, 1], [10, 10])
    assert [shape["x0"] for shape in found["layout"]["shapes"]] == [5, 18]
    assert "half of the records below 5.0, 95 % below 18.0, largest 20.0" in drawn.alt


def test_no_difference_at_all_can_be_drawn() -> None:
    drawn = size_spread(np.linspace(0, 0.01, 26), np.array([9, *[0] * 24]), 0, 0, 0)
    assert "largest 0.0" in drawn.alt
    flat = figure_differences([0], [0], [0], MODELS[1:], "A", "AUROC", True)
    low, high = spec(flat)["layout"]["xaxis"]["range"]
    assert low < 0 < high


def test_differences_say_which_way_is_better() -> None:
    drawn = figure_differences([-0.02, 0.01], [-0.03, 0], [-0.01, 0.02], ["B", "C"], "A", "Brier score", False)
    found = spec(drawn)
    heads = {note["text"]: note["x"] for note in found["layout"]["annotations"] if note["text"] in ("better", "worse")}
    assert heads == {"better": 0, "worse": 1}
    dots = trace(found, "Brier score")
    assert dots["x"] == [-0.02, 0.01]
    assert dots["error_x"]["array"] == pytest.approx([0.01, 0.01])
    assert "B: Brier score −0.020 (−0.030 to −0.010) against A" in drawn.alt
    turned = spec(figure_differences([0.1], [0], [0.2], ["B"], "A", "AUROC", True))
    assert {n["text"]: n["x"] for n in turned["layout"]["annotations"]}["better"] == 1
    with pytest.raises(InputError, match="own limits"):
        figure_differences([0.3], [0], [0.2], ["B"], "A", "AUROC", True)


def test_risks_of_one_record_with_base_rate_and_threshold() -> None:
    drawn = risk_rows([0.3, 0.05], MODELS, 0.14, 0.5, "death in hospital")
    found = spec(drawn)
    assert trace(found, "risk")["x"] == [0.3, 0.05]
    assert [shape["x0"] for shape in found["layout"]["shapes"]] == [0.14, 0.5]
    assert drawn.alt.startswith("Death in hospital: A · whole model 30 % and B · network-0 alone 5 %; base rate 14 %")
    same = spec(risk_rows([0.3, 0.05], MODELS, 0.14, 0.14, "death"))
    assert len(same["layout"]["shapes"]) == 1
    with pytest.raises(InputError, match="0 to 1"):
        risk_rows([1.3, 0.05], MODELS, 0.14, 0.5, "death")


def test_agreement_of_pairs_is_written_with_its_middle_half() -> None:
    quantiles = np.full((2, 2, 3), NAN)
    quantiles[0, 1] = quantiles[1, 0] = [-0.1, 0.5, 0.9]
    drawn = agreement_matrix(quantiles, ["A", "B"])
    found = spec(drawn)
    assert trace(found, "cells")["z"] == [[None, 0.5], [0.5, None]]
    written = {(note["x"], note["y"]): note["text"] for note in found["layout"]["annotations"] if "xref" not in note}
    assert (written[1, 0], written[0, 1]) == ("<b>+0.50</b>", "−0.10<br>to +0.90")
    assert "B and A: median +0.50, half of the records −0.10 to +0.90" in drawn.alt
    with pytest.raises(InputError):
        agreement_matrix(quantiles * 3, ["A", "B"])


def test_correlations_leave_gaps_where_none_is_defined() -> None:
    rho = np.array([[0.9], [NAN], [-0.2]])
    drawn = correlation_cells(rho, np.array([[40], [0], [38]]), TITLES, ["B"], "A")
    found = spec(drawn)
    assert trace(found, "cells")["z"] == [[0.9], [None], [-0.2]]
    assert "B: Heart rate +0.90 and Urine output −0.20" in drawn.alt


def test_the_surprising_cell_is_at_the_upper_right() -> None:
    drawn = crossed_cells(np.array([[1, 2], [3, 14]]))
    found = spec(drawn)
    # Alike answers on top, alike reasons at the left.
    assert trace(found, "records")["z"] == [[0.7, 0.15], [0.1, 0.05]]
    assert found["layout"]["xaxis"]["ticktext"] == ["Reasons<br>alike", "Reasons<br>differ"]
    assert "same side of the threshold and other reasons 3 (15 %)" in drawn.alt
    with pytest.raises(InputError, match="no record"):
        crossed_cells(np.zeros((2, 2)))


@pytest.mark.parametrize("dark", [False, True])
def test_every_model_has_its_bar_and_its_letter(dark: bool) -> None:
    values = np.array([[0.5, -0.2, NAN], [0.4, NAN, NAN]])
    drawn = model_bars(values, ["A", "B"], NAMES, TITLES, ["present", "present", "missing"], "shapley", dark)
    found = spec(drawn)
    bars = trace(found, "contribution, log-odds")
    assert bars["text"] == ["<b>A</b> +0.50", "<b>B</b> +0.40", "<b>A</b> −0.20"]
    assert bars["x"] == [0.5, 0.4, -0.2]
    assert len(set(bars["y"])) == 3
    assert -0.5 < bars["y"][0] < bars["y"][1] < 0.5 < bars["y"][2] < 1.5
    assert bars["marker"]["color"][0] == bars["marker"]["color"][1] != bars["marker"]["color"][2]
    assert "not recorded" in json.dumps(found["layout"]["annotations"])
    assert "Heart rate: A +0.50 and B +0.40; Laboratory: A −0.20. Not recorded: Urine output." in drawn.alt


def test_routing_has_shares_and_refuses_what_is_none() -> None:
    states: list[State] = ["present"] * 3
    drawn = model_bars(np.array([[0.5, 0.3, 0.2]]), ["A"], NAMES, TITLES, states, "weight")
    found = spec(drawn)
    assert trace(found, "fusion weight (β)")["text"][0] == "<b>A</b> 50 %"
    assert found["layout"]["xaxis"]["range"][0] == 0
    with pytest.raises(InputError, match="0 to 1"):
        model_bars(np.array([[1.5, 0.3, 0.2]]), ["A"], NAMES, TITLES, states, "attention")
