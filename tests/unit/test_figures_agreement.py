"""Orders beside each other, and taus over the band of chance: every number where it belongs, and in the words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from amfn.types import InputError
from app import figures
from app.figures import Drawing, TauRow
from app.figures.agreement import place_text
from app.theme import TEXT

TITLES = ("ECG", "Arterial pressure", "PPG", "Respiration")
OWN, MODEL = (2.0, 1.0, 3.5, 3.5), (1.0, 2.0, 4.0, 3.0)
ROW = TauRow("Gate (γ)", "routing", 0.25, -0.1, 0.6, (-0.3, 0.31), (0.1, 0.4))
BARE = TauRow("Shapley value", "contribution", -0.5, None, None, None, ())
NOTHING = TauRow("Attention", "routing", None, None, None, None, ())


def spec(drawing: Drawing) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(drawing.figure.to_json())
    return loaded


@pytest.mark.parametrize("dark", [False, True])
def test_common_rules(dark: bool) -> None:
    for drawing in (
        figures.places({"You": OWN, "Model": MODEL}, TITLES, dark),
        figures.rater_agreement([ROW, BARE, NOTHING], dark),
    ):
        layout = spec(drawing)["layout"]
        assert layout["uirevision"]
        assert layout["template"]["layout"]["font"]["color"] == TEXT[dark]
        assert "title" not in layout, "titles stand on the page"
        assert layout["xaxis"]["title"]["text"]
        assert "NaN" not in drawing.figure.to_json()


@pytest.mark.parametrize(
    ("places", "at", "expected"),
    [((1, 2, 3), 1, "2"), ((1, 2.5, 2.5, 4), 2, "2 to 3"), ((2, 2, 2), 0, "1 to 3"), ((1, 3, 3, 3), 0, "1")],
)
def test_shared_places_are_said_as_a_range(places: tuple[float, ...], at: int, expected: str) -> None:
    assert place_text(places, at) == expected


def test_rows_stand_in_the_readers_own_order_and_each_order_has_its_lane() -> None:
    drawing = figures.places({"You": OWN, "Model": MODEL}, TITLES)
    found = spec(drawing)
    own, model = found["data"]
    assert found["layout"]["yaxis"]["ticktext"] == ["Arterial<br>pressure", "ECG", "PPG", "Respiration"]
    assert own["x"] == [1, 2, 3.5, 3.5]
    assert model["x"] == [2, 1, 4, 3]
    assert len({*own["y"]} & {*model["y"]}) == 0
    assert own["marker"]["symbol"] != model["marker"]["symbol"], "told apart without colour"
    assert own["customdata"][3] == "Respiration: 3 to 4, You"
    assert "You: Arterial pressure 1, ECG 2, PPG 3 to 4 and Respiration 3 to 4" in drawing.alt
    assert "Model: ECG 1, Arterial pressure 2, Respiration 3 and PPG 4" in drawing.alt


def test_taus_lie_on_their_intervals_over_the_band_of_chance() -> None:
    drawing = figures.rater_agreement([ROW, BARE])
    found = spec(drawing)
    band, raters, pooled = found["data"]
    assert (band["base"], band["y"]) == ([-0.3], [0])
    assert band["x"] == pytest.approx([0.61])
    assert raters["x"] == [0.1, 0.4]
    assert pooled["x"] == [0.25, -0.5]
    assert pooled["error_x"]["array"] == pytest.approx([0.35, 0])
    assert pooled["error_x"]["arrayminus"] == pytest.approx([0.35, 0])
    assert "Gate (γ) +0.25 (\N{MINUS SIGN}0.10 to +0.60), chance \N{MINUS SIGN}0.30 to +0.31" in drawing.alt
    assert "Shapley value \N{MINUS SIGN}0.50." in drawing.alt
    assert [shape["y0"] for shape in found["layout"]["shapes"]] == [0.5], "a line between routing and contribution"


def test_what_is_not_defined_is_hatched_and_not_a_zero() -> None:
    drawing = figures.rater_agreement([NOTHING])
    (hatched,) = spec(drawing)["data"]
    assert hatched["fillpattern"]["shape"] == "/"
    assert "Attention: not defined" in drawing.alt


@pytest.mark.parametrize("row", [replace(ROW, tau=1.2), replace(ROW, band=(-3.0, 0.0)), replace(ROW, raters=(np.nan,))])
def test_taus_that_cannot_be_are_refused(row: TauRow) -> None:
    with pytest.raises(InputError, match=r"Gate"):
        figures.rater_agreement([row])


def test_orders_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="0 orders"):
        figures.places({}, TITLES)
    with pytest.raises(InputError, match="You"):
        figures.places({"You": (0.0, 1.0, 2.0, 3.0)}, TITLES)
    with pytest.raises(InputError, match="modalities"):
        figures.places({"You": OWN}, ("ECG", "ECG", "PPG", "ABP"))
    with pytest.raises(InputError, match="measures"):
        figures.rater_agreement([])
