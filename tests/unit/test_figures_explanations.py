"""Figures that tell how far an explanation can be trusted: their numbers, gaps, marks and words."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from amfn.types import InputError
from app import figures
from app.figures import Drawing, State
from app.figures.cells import ink, opaque
from app.figures.drawing import MINUS
from app.figures.interactions import short
from app.theme import BACKGROUND, OKABE_ITO, TEXT, contrast

NAMES = ["ecg", "abp", "ppg"]
TITLES = ["ECG", "Arterial pressure", "PPG"]
STATES: list[State] = ["present", "missing", "present"]
ROUTING = {"α received": np.array([0.9, 7.0, 0.3]), "gate γ": None, "weight β": np.array([0.7, np.nan, 0.3])}
CONTRIBUTION = {"|Shapley|": np.array([0.05, 0.0, 0.4])}
FLAGS = ["routed to most, little contributed", "", ""]
TAUS = np.array([[0.5, np.nan], [-1.0, 0.25]])
MATRIX = np.array([[0.4, 9.0, -0.15], [9.0, 9.0, 9.0], [-0.15, 9.0, 0.02]])
SHARES = np.array([0.0, 0.5, 1.0])
CURVES = (
    np.array([0.6, 0.2, 0.1]),
    np.array([0.1, 0.5, 0.6]),
    np.array([0.6, 0.35, 0.1]),
    np.array([0.6, 0.3, 0.1]),
    np.array([0.6, 0.4, 0.1]),
)
ALL = np.ones(3, dtype=bool)
MASKS = np.array(list(product([False, True], repeat=3)))
RISKS = np.array([0.14, 0.20, 0.10, 0.30, 0.25, 0.50, 0.22, 0.41])
FALL = np.array([[0.3, 1.0], [-0.05, 1.0]])
STAGES = ["head", "encoders"]
LEVELS = np.array([0.6, np.nan])
METHODS = ["Saliency", "Temporal attention"]
EFFECTS = (np.array([0.01, 0.03]), np.array([0.005, 0.01]), np.array([0.02, 0.05]), np.array([0.04, 0.1]))
CHANGED = ["α uniform", "β permuted"]
PLANTED = (np.array([0.2, 0.95]), np.array([0.1, 0.9]), np.array([0.3, 0.99]))
NONE = np.array([])

DRAW: dict[str, Callable[[bool], Drawing]] = {
    "reality_check": lambda dark: figures.reality_check(ROUTING, CONTRIBUTION, FLAGS, NAMES, TITLES, STATES, dark),
    "rank_agreement": lambda dark: figures.rank_agreement(TAUS, ["α", "β"], ["|split|", "|Shapley|"], dark),
    "baseline_agreement": lambda dark: figures.baseline_agreement(np.eye(2), ["zero", "median"], dark),
    "deletion_insertion": lambda dark: figures.deletion_insertion(SHARES, *CURVES, "Saliency", dark),
    "interactions": lambda dark: figures.interactions(MATRIX, TITLES, STATES, dark),
    "subset_lattice": lambda dark: figures.subset_lattice(RISKS, MASKS, TITLES, ALL, MASKS[5], dark),
    "cascade": lambda dark: figures.cascade(STAGES, FALL, FALL - 0.1, FALL, LEVELS, METHODS, dark),
    "routing_effect": lambda dark: figures.routing_effect(CHANGED, *EFFECTS, dark),
    "seed_variance": lambda dark: figures.seed_variance(CHANGED, *EFFECTS, dark),
    "planted_truth": lambda dark: figures.planted_truth(METHODS, *PLANTED, 0.17, dark),
}


def spec(drawing: Drawing) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(drawing.figure.to_json())
    return loaded


def notes(drawing: Drawing) -> list[str]:
    return [note["text"] for note in spec(drawing)["layout"]["annotations"]]


def named_all(drawing: Drawing, name: str) -> list[dict[str, Any]]:
    return [t for t in spec(drawing)["data"] if t["name"] == name]


def named(drawing: Drawing, name: str) -> dict[str, Any]:
    (trace,) = named_all(drawing, name)
    return trace


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", sorted(DRAW))
def test_every_figure_keeps_the_common_rules(name: str, dark: bool) -> None:
    drawing = DRAW[name](dark)
    assert drawing.figure.to_json() == DRAW[name](dark).figure.to_json(), "equal values give an equal figure"
    layout = spec(drawing)["layout"]
    assert layout["uirevision"]
    assert layout["height"] > 0
    assert "title" not in layout, "titles stand on the page"
    assert layout["template"]["layout"]["font"]["color"] == TEXT[dark]
    assert len(drawing.alt) > 20
    assert "<br>" not in drawing.alt
    assert "nan" not in drawing.alt.lower()


def test_the_reality_check_scales_each_column_to_its_own_largest() -> None:
    drawing = DRAW["reality_check"](False)
    layout = spec(drawing)["layout"]
    assert layout["xaxis"]["ticktext"] == ["α received", "weight β", "|Shapley|"], "what the system lacks is left out"
    alpha, beta, shapley = (named(drawing, name) for name in ("α received", "weight β", "|Shapley|"))
    assert alpha["x"] == pytest.approx([0.84, 0.28])
    assert beta["x"] == pytest.approx([0.84, 0.36])
    assert shapley["x"] == pytest.approx([0.105, 0.84])
    assert shapley["marker"]["color"] == [OKABE_ITO["ecg"], OKABE_ITO["ppg"]]
    written = notes(drawing)
    assert "<b>0.90</b>" in written
    assert "0.05" in written
    assert not any("7.00" in text for text in written), "what is absent has no number"
    assert named(drawing, "not recorded")["fillpattern"]["shape"] == "/"


def test_disagreement_has_a_mark_and_words() -> None:
    drawing = DRAW["reality_check"](False)
    assert any("≠" in text and "routed to most, little contributed" in text for text in notes(drawing))
    ecg, _, ppg = spec(drawing)["layout"]["yaxis"]["ticktext"]
    assert "≠" in ecg
    assert "≠" not in ppg
    assert "Disagreeing: ECG, routed to most, little contributed. Not recorded: Arterial pressure." in drawing.alt
    assert "Contributed most: PPG by |Shapley| (0.40)." in drawing.alt
    agreed = figures.reality_check(ROUTING, CONTRIBUTION, [""] * 3, NAMES, TITLES, STATES)
    assert "No modality is flagged as disagreeing." in agreed.alt
    assert not any("≠" in text for text in notes(agreed))


def test_a_reality_check_of_an_empty_record_or_of_zeros_is_defined() -> None:
    absent = figures.reality_check(ROUTING, CONTRIBUTION, [""] * 3, NAMES, TITLES, ["missing"] * 3)
    assert "nothing is present" in absent.alt
    zeros = figures.reality_check({}, {"|Shapley|": np.zeros(3)}, [""] * 3, NAMES, TITLES, ["present"] * 3)
    assert named(zeros, "|Shapley|")["x"] == [0, 0, 0]


def test_undefined_agreement_is_hatched_and_has_no_number() -> None:
    drawing = DRAW["rank_agreement"](False)
    heat = named(drawing, "cells")
    assert heat["z"] == [[0.5, None], [-1.0, 0.25]]
    assert (heat["zmin"], heat["zmax"]) == (-1, 1)
    assert named(drawing, "not defined")["fillpattern"]["shape"] == "/"
    assert {"+0.50", f"{MINUS}1.00", "+0.25"} < set(notes(drawing))
    assert f"β and |split| {MINUS}1.00" in drawing.alt
    assert "Not defined: α and |Shapley|." in drawing.alt
    full = figures.rank_agreement(np.zeros((1, 1)), ["α"], ["|split|"])
    assert [t["name"] for t in spec(full)["data"]] == ["cells"], "nothing is hatched"


def test_baselines_are_said_once_a_pair() -> None:
    taus = np.array([[1, 0.3], [0.3, 1]])
    assert figures.baseline_agreement(taus, ["zero", "median"]).alt == (
        "Rank agreement (Kendall's tau): zero and median +0.30."
    )


def test_numbers_read_on_their_cells() -> None:
    for dark in (False, True):
        assert opaque(dark)[2][1] == "rgb({}, {}, {})".format(*bytes.fromhex(BACKGROUND[dark][1:])), "zero is the page"
        for at, cell in opaque(dark):
            hexed = "#{:02X}{:02X}{:02X}".format(*(int(v) for v in cell[4:-1].split(",")))
            assert contrast(ink(2 * at - 1, dark), hexed) >= 4.5


def test_an_insertion_read_backwards_takes_out_the_least_important_first() -> None:
    drawing = DRAW["deletion_insertion"](False)
    assert named(drawing, "most important first")["y"] == [0.6, 0.2, 0.1]
    least = named(drawing, "least important first")
    assert (least["x"], least["y"]) == ([0, 0.5, 1], [0.6, 0.5, 0.1])
    band = spec(drawing)["data"][0]
    assert band["x"] == [0, 0.5, 1, 1, 0.5, 0]
    assert band["y"] == [0.6, 0.3, 0.1, 0.1, 0.4, 0.6]
    assert "from 60 % with all to 10 % with none" in drawing.alt
    assert "20 % where the most important went first, 50 % where the least important" in drawing.alt
    assert "35 % at random (30 % to 40 %)" in drawing.alt
    dashes = {t["line"]["dash"] for t in spec(drawing)["data"][1:]}
    assert len(dashes) == 3, "told apart without colour"


def test_a_curve_of_almost_nothing_does_not_look_like_an_effect() -> None:
    flat = np.full(3, 0.5)
    low, high = spec(figures.deletion_insertion(SHARES, flat, flat, flat, flat, flat, "Saliency"))["layout"]["yaxis"][
        "range"
    ]
    assert high - low >= 0.1 - 1e-9


def test_interactions_leave_absent_rows_and_columns_empty() -> None:
    drawing = DRAW["interactions"](False)
    heat = named(drawing, "cells")
    assert heat["z"] == [[0.4, None, -0.15], [None] * 3, [-0.15, None, 0.02]]
    assert heat["zmax"] == -heat["zmin"] == 0.4
    assert heat["customdata"][0][2] == (
        f"ECG with PPG: {MINUS}0.30 log-odds, less together than apart; {MINUS}0.15 counted for each"
    )
    assert len(spec(drawing)["layout"]["shapes"]) == 2, "the main effects are outlined"
    assert {"+.40", f"{MINUS}.15", "+.02", "not recorded"} < set(notes(drawing))
    assert f"Main effects in log-odds: ECG +0.40 and PPG +0.02. Strongest together: ECG with PPG {MINUS}0.30." in (
        drawing.alt
    )
    assert "Not recorded: Arterial pressure." in drawing.alt
    alone = figures.interactions(MATRIX, TITLES, ["present", "missing", "off"])
    assert "together" not in alone.alt
    assert "nothing is present" in figures.interactions(MATRIX, TITLES, ["missing"] * 3).alt


def test_short_numbers_fit_a_narrow_cell() -> None:
    written = [short(v) for v in (0.004, -0.004, 0.12, -0.996, 1.04, -12.3)]
    assert written == ["0", "0", "+.12", f"{MINUS}1.0", "+1.0", f"{MINUS}12.3"]


def test_the_lattice_has_every_subset_and_every_step() -> None:
    drawing = DRAW["subset_lattice"](False)
    points, edges = named(drawing, "subsets"), named(drawing, "adding one")
    assert points["y"] == pytest.approx(RISKS.tolist())
    assert [round(x) for x in points["x"]] == MASKS.sum(axis=1).tolist(), "beside, never beyond, their size"
    assert len(set(points["x"])) == 8
    starts, ends = edges["x"][::3], edges["x"][1::3]
    assert len(starts) == 12, "p 2^(p-1)"
    assert {round(b) - round(a) for a, b in zip(starts, ends, strict=True)} == {1}
    assert named(drawing, "marked")["y"] == pytest.approx([0.14, 0.41])
    assert len(set(named(drawing, "marked")["marker"]["symbol"])) == 2
    ring = named(drawing, "chosen")
    assert ring["y"] == pytest.approx([0.5])
    assert ring["x"] == [points["x"][5]]
    assert "open" in ring["marker"]["symbol"], "what it rings stays to be seen"
    assert notes(drawing) == ["○ nothing <b>14 %</b>", "◆ all 3 <b>41 %</b>", "◎ chosen <b>50 %</b>"]
    assert "14 % with nothing known, 41 % with everything. Highest: all but Arterial pressure 50 %" in drawing.alt
    assert "lowest: Arterial pressure 10 %." in drawing.alt
    assert drawing.alt.endswith("Chosen: all but Arterial pressure 50 %.")


def test_many_subsets_get_a_band_and_two_paths_over_their_lines() -> None:
    players = 7
    masks = np.array(list(product([False, True], repeat=players)))
    effects = np.array([0.05, -0.03, 0.02, -0.02, 0.04, 0.01, -0.01])
    risks = 0.3 + masks @ effects
    drawing = figures.subset_lattice(risks, masks, [f"m{i}" for i in range(players)], np.ones(players, dtype=bool))
    assert len(named(drawing, "adding one")["x"]) == 3 * players * 2 ** (players - 1)
    rises, falls = np.sort(effects)[::-1], np.sort(effects)
    up, down = named(drawing, "adding what raises most"), named(drawing, "adding what lowers most")
    assert up["y"] == pytest.approx([0.3, *(0.3 + rises.cumsum())])
    assert down["y"] == pytest.approx([0.3, *(0.3 + falls.cumsum())])
    assert named(drawing, "lowest to highest")["y"] == pytest.approx([*down["y"], *up["y"][::-1]])
    assert up["line"]["dash"] != down["line"]["dash"]


def test_a_lattice_of_nothing_says_so() -> None:
    empty = figures.subset_lattice(np.array([0.14]), np.zeros((1, 3), dtype=bool), TITLES, ~ALL)
    assert empty.alt == "Nothing is present: the estimate is 14 %."


def test_the_cascade_has_a_row_per_method_on_one_scale() -> None:
    drawing = DRAW["cascade"](False)
    layout = spec(drawing)["layout"]
    assert named(drawing, "Saliency")["y"] == [1.0, 0.3, -0.05]
    assert named(drawing, "Temporal attention")["y"] == [1.0, 1.0, 1.0]
    assert layout["yaxis"]["range"] == layout["yaxis2"]["range"]
    assert layout["yaxis2"]["domain"][1] < layout["yaxis"]["domain"][0], "rows do not overlap"
    assert layout["xaxis"]["ticktext"] == ["trained", *STAGES]
    assert f"Saliency {MINUS}0.05 (between trained networks +0.60); Temporal attention +1.00." in drawing.alt
    assert [line["y"] for line in named_all(drawing, "between trained networks")] == [[0.6, 0.6]]
    without = figures.cascade(STAGES, FALL, FALL - 0.1, FALL, None, METHODS)
    assert "between trained" not in without.alt
    assert not any("dotted" in text for text in notes(without))


def test_changes_are_drawn_in_percentage_points() -> None:
    drawing = DRAW["routing_effect"](False)
    assert named(drawing, "median")["x"] == pytest.approx([1, 3])
    assert named(drawing, "middle half")["x"] == [pytest.approx(v) if v else None for v in (0.5, 2, None, 1, 5)]
    assert named(drawing, "95 of 100")["x"] == [pytest.approx(v) if v else None for v in (0.5, 4, None, 1, 10)]
    assert "<b>3.0</b><br>95 %: 10.0" in notes(drawing)
    assert "β permuted: median 3.0, half of the records 1.0 to 5.0, 95 of 100 below 10.0" in drawing.alt


def test_divergences_are_drawn_against_the_largest_possible() -> None:
    half = np.array([np.log(2) / 2])
    drawing = figures.seed_variance(["α between networks"], half, half / 2, half, 2 * half)
    assert named(drawing, "median")["x"] == pytest.approx([50])
    assert "α between networks: median 50.0, half of the records 25.0 to 50.0, 95 of 100 below 100.0." in drawing.alt


def test_planted_truth_is_sorted_and_chance_is_told() -> None:
    drawing = DRAW["planted_truth"](False)
    points = named(drawing, "pointing accuracy")
    assert points["x"] == [0.95, 0.2]
    assert points["error_x"]["array"] == pytest.approx([0.04, 0.1])
    assert points["error_x"]["arrayminus"] == pytest.approx([0.05, 0.1])
    assert points["marker"]["color"][1] == BACKGROUND[False], "hollow: its interval reaches chance"
    assert points["marker"]["color"][0] != BACKGROUND[False]
    assert spec(drawing)["layout"]["yaxis"]["ticktext"] == ["Temporal<br>attention", "Saliency"]
    assert "<b>95 %</b><br>90–99 %" in notes(drawing)
    assert "Temporal attention 95 % (90 % to 99 %); Saliency 20 % (10 % to 30 %). Chance 17 %." in drawing.alt
    assert "Not clearly above chance: Saliency." in drawing.alt


BAD: dict[str, tuple[Callable[[], Drawing], str]] = {
    "lengths": (lambda: figures.reality_check(ROUTING, CONTRIBUTION, FLAGS[:2], NAMES, TITLES, STATES), "lengths"),
    "negative size": (lambda: _one_measure(np.array([0.2, 0.0, -0.2])), "-0.2"),
    "measure that is NaN": (lambda: _one_measure(np.array([np.nan, 0.0, 0.2])), "nan"),
    "no measure": (
        lambda: figures.reality_check({"gate γ": None}, {}, FLAGS, NAMES, TITLES, STATES),
        "measures",
    ),
    "measure of another length": (lambda: _one_measure(np.array([0.2])), r"\(1,\)"),
    "tau above one": (lambda: figures.rank_agreement(np.array([[1.2]]), ["a"], ["b"]), "1.2"),
    "infinite tau": (lambda: figures.rank_agreement(np.array([[np.inf]]), ["a"], ["b"]), "inf"),
    "taus of another shape": (lambda: figures.rank_agreement(TAUS, ["a"], ["b", "c"]), r"\(2, 2\)"),
    "no row": (lambda: figures.rank_agreement(np.zeros((0, 1)), [], ["b"]), "rows"),
    "not symmetric": (lambda: figures.baseline_agreement(TAUS[:, ::-1], ["a", "b"]), "symmetric"),
    "interactions not symmetric": (
        lambda: figures.interactions(np.array([[1, 2], [3, 4]]), TITLES[:2], ["present"] * 2),
        "diagonal",
    ),
    "interactions that are NaN": (
        lambda: figures.interactions(np.full((2, 2), np.nan), TITLES[:2], ["present"] * 2),
        "nan",
    ),
    "interactions of another shape": (lambda: figures.interactions(MATRIX[:2], TITLES, STATES), "matrix"),
    "shares that end early": (
        lambda: figures.deletion_insertion(SHARES / 2, *CURVES, "Saliency"),
        "shares",
    ),
    "a short curve": (lambda: figures.deletion_insertion(SHARES, CURVES[0][:2], *CURVES[1:], "Saliency"), "deletion"),
    "a mean beside its band": (
        lambda: figures.deletion_insertion(SHARES, *CURVES[:3], CURVES[4], CURVES[3], "Saliency"),
        "limits",
    ),
    "nothing removed": (
        lambda: figures.deletion_insertion(NONE, NONE, NONE, NONE, NONE, NONE, "Saliency"),
        "no shares",
    ),
    "a subset twice": (lambda: figures.subset_lattice(RISKS, MASKS[[0, *range(7)]], TITLES, ALL), "masks"),
    "a subset of what is absent": (lambda: figures.subset_lattice(RISKS[:4], MASKS[::2], TITLES, MASKS[3]), "masks"),
    "risks too few": (lambda: figures.subset_lattice(RISKS[:7], MASKS, TITLES, ALL), "risks"),
    "another subset marked": (
        lambda: figures.subset_lattice(RISKS[:4], MASKS[:4], TITLES, MASKS[3], MASKS[7]),
        "highlighted",
    ),
    "correlation outside its band": (
        lambda: figures.cascade(STAGES, FALL, FALL, FALL - 0.1, None, METHODS),
        "limits",
    ),
    "a stage too few": (lambda: figures.cascade(STAGES[:1], FALL, FALL, FALL, None, METHODS), "correlations"),
    "a method twice": (lambda: figures.cascade(STAGES, FALL, FALL, FALL, None, ["a", "a"]), "methods"),
    "p95 below the quartile": (
        lambda: figures.routing_effect(CHANGED, *EFFECTS[:3], EFFECTS[0]),
        "limits",
    ),
    "no method": (lambda: figures.planted_truth([], NONE, NONE, NONE, 0.1), "methods"),
    "chance that is NaN": (lambda: figures.planted_truth(METHODS, *PLANTED, float("nan")), "chance"),
    "words for numbers": (lambda: figures.planted_truth(["a"], np.array(["many"]), *PLANTED[1:], 0.1), "shares"),
}


def _one_measure(values: np.ndarray) -> Drawing:
    return figures.reality_check({"α": values}, {}, FLAGS, NAMES, TITLES, STATES)


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_input_is_refused_by_name(case: str) -> None:
    draw, said = BAD[case]
    with pytest.raises(InputError, match=said):
        draw()


def test_single_precision_shares_may_round_over_one() -> None:
    over = np.array([np.float32(1) + np.float32(1e-7)])
    drawing = figures.planted_truth(["Saliency"], over, np.array([0.9]), over, 0.1)
    assert named(drawing, "pointing accuracy")["x"] == [1.0]
