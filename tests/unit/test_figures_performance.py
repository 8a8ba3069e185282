"""Figures of how a model did, and of how sure one estimate is: every number where it belongs, and in the words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from amfn.types import InputError
from app import figures
from app.figures import Drawing
from app.theme import TEXT

BINS = ((50, 0.02, 0.0, 0.0, 0.071), (50, 0.4, 0.5, 0.355, 0.645), (49, 0.9, 0.755, 0.611, 0.867))
REMOVED = ((0.0, 0.88, 0.87, 0.89), (0.3, 0.85, 0.84, 0.86), (0.7, 0.78, 0.76, 0.8))


def spec(drawing: Drawing) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(drawing.figure.to_json())
    return loaded


@pytest.mark.parametrize("dark", [False, True])
def test_common_rules(dark: bool) -> None:
    for drawing in (
        figures.reliability(BINS, "death", dark),
        figures.decision_curve((0.1, 0.2), (0.1, 0.05), (0.05, -0.1), dark),
        figures.removal_curve(REMOVED, dark),
    ):
        layout = spec(drawing)["layout"]
        assert layout["uirevision"]
        assert layout["template"]["layout"]["font"]["color"] == TEXT[dark]
        assert "title" not in layout, "titles stand on the page"
        assert layout["xaxis"]["title"]["text"]
        assert layout["yaxis"]["title"]["text"]


def test_every_bin_is_drawn_with_its_interval_and_the_line_of_agreement() -> None:
    drawing = figures.reliability(BINS, "death in hospital")
    line, points = spec(drawing)["data"]
    assert line["x"] == line["y"] == [0, 1]
    assert points["x"] == [0.02, 0.4, 0.9]
    assert points["y"] == [0.0, 0.5, 0.755]
    assert points["error_y"]["array"] == pytest.approx([0.071, 0.145, 0.112])
    assert points["error_y"]["arrayminus"] == pytest.approx([0, 0.145, 0.144])
    assert points["customdata"][2] == "49 records: predicted 90.0 %, observed 75.5 % (61.1 to 86.7)"
    assert "In 2 of 3 groups the prediction lies within" in drawing.alt
    with pytest.raises(InputError, match="no bins"):
        figures.reliability((), "death")
    with pytest.raises(InputError, match="probability"):
        figures.reliability(((5, 1.2, 0.5, 0.4, 0.6),), "death")


def test_the_decision_curve_has_its_two_alternatives() -> None:
    drawing = figures.decision_curve((0.1, 0.2, 0.3), (0.1, 0.05, -0.01), (0.05, 0.06, -0.1))
    nobody, everyone, model = spec(drawing)["data"]
    assert nobody["y"] == [0, 0, 0]
    assert everyone["y"] == [0.05, 0.06, -0.1]
    assert model["y"] == [0.1, 0.05, -0.01]
    assert model["x"] == pytest.approx([10, 20, 30])
    assert "at least as good as both at 1 of 3 thresholds" in drawing.alt
    assert len({trace["line"]["dash"] for trace in (nobody, everyone, model)}) == 3, "told apart without colour"
    with pytest.raises(InputError, match="2 thresholds"):
        figures.decision_curve((0.1, 0.2), (0.1,), (0.05, 0.06))


def test_the_removal_curve_is_within_its_band() -> None:
    drawing = figures.removal_curve(REMOVED)
    band, curve = spec(drawing)["data"]
    assert curve["y"] == [0.88, 0.85, 0.78]
    assert band["y"] == [0.87, 0.84, 0.76, 0.8, 0.86, 0.89]
    assert "0.850 at 30 %" in drawing.alt
    with pytest.raises(InputError, match="no rows"):
        figures.removal_curve(())


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.02), (0.4, 0.55), (0.8, 0.99)])
def test_what_was_observed_stands_below_the_risk(low: float, high: float) -> None:
    share = (low + high) / 2
    drawing = figures.risk_bar(0.3, 0.14, "death", similar=(share, low, high))
    ring = next(trace for trace in spec(drawing)["data"] if trace["name"] == "observed")
    assert ring["x"] == [share]
    assert ring["error_x"]["array"] == pytest.approx([high - share])
    assert ring["error_x"]["arrayminus"] == pytest.approx([share - low])
    label = spec(drawing)["layout"]["annotations"][-1]
    assert label["text"].startswith("observed ")
    room = 1 - label["x"] if label["xanchor"] == "left" else label["x"]
    assert room > 0.39
    assert "Observed among similar estimates" in drawing.alt


def test_a_risk_alone_has_neither() -> None:
    drawing = figures.risk_bar(0.3, 0.14, "death")
    assert {trace["name"] for trace in spec(drawing)["data"]} == {"scale", "risk", "risk marker"}
    assert drawing.alt == "Death: 30 %; base rate 14 %."
    with pytest.raises(InputError, match="probability"):
        figures.risk_bar(0.3, 0.14, "death", similar=(0.2, -0.1, 0.3))
    with pytest.raises(InputError, match="probability"):
        figures.risk_bar(0.3, 0.14, "death", networks=(0.2, float(np.nextafter(1, 2))))
