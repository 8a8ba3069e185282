"""One modality stands out in every chart of the fusion: full colour and outline, the others faded but readable."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from plotly.colors import sample_colorscale, unlabel_rgb

from amfn.types import InputError
from app import figures
from app.figures import Drawing, State
from app.figures.emphasis import FADED, FADED_EDGE
from app.figures.fusion import SCALE, ink
from app.figures.graph import EDGE
from app.theme import BACKGROUND, OKABE_ITO, contrast

NAMES = ["ecg", "abp", "ppg", "resp"]
TITLES = ["ECG", "Arterial pressure", "PPG", "Respiration"]
STATES: list[State] = ["present", "missing", "present", "present"]
SHARES = np.array([0.5, 0.0, 0.3, 0.2])
SIGNED = np.array([1.25, 0.0, -0.5, 0.1])
ALPHA = np.array([[0.6, 0, 0.2, 0.2], [0, 0, 0, 0], [0.1, 0, 0.5, 0.4], [0.3, 0, 0.3, 0.4]])
ROUTING = {"weight β": SHARES}
CONTRIBUTION = {"Shapley value": np.abs(SIGNED)}
FLAGS = ["weighs most, adds little", "", "", ""]
ROWS = [0, 2, 3]

DRAW: dict[str, Callable[[str | None], Drawing]] = {
    "attention": lambda title: figures.attention(ALPHA, TITLES, STATES, highlight=title),
    "modality_graph": lambda title: figures.modality_graph(ALPHA, NAMES, TITLES, STATES, SHARES, highlight=title),
    "gates": lambda title: figures.gates(SHARES, NAMES, TITLES, STATES, highlight=title),
    "weights": lambda title: figures.weights(SHARES, NAMES, TITLES, STATES, highlight=title),
    "logit_split": lambda title: figures.logit_split(SIGNED, -1.0, -0.15, NAMES, TITLES, STATES, highlight=title),
    "reality_check": lambda title: figures.reality_check(
        ROUTING, CONTRIBUTION, FLAGS, NAMES, TITLES, STATES, highlight=title
    ),
}
MARKED = sorted(set(DRAW) - {"attention"})


def spec(drawing: Drawing) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(drawing.figure.to_json())
    return loaded


def marked(drawing: Drawing) -> list[dict[str, Any]]:
    """The traces whose points can be clicked."""
    return [trace for trace in spec(drawing)["data"] if "ids" in trace]


@pytest.mark.parametrize("name", MARKED)
def test_only_the_chosen_one_keeps_its_full_colour_and_has_an_outline(name: str) -> None:
    traces = marked(DRAW[name]("PPG"))
    assert traces
    for trace in traces:
        assert trace["ids"] == [TITLES[i] for i in ROWS]
        assert trace["marker"]["opacity"] == [FADED, 1.0, FADED]
        thin, thick, also_thin = trace["marker"]["line"]["width"]
        assert thin == also_thin < thick


@pytest.mark.parametrize("name", MARKED)
def test_without_a_choice_all_are_alike(name: str) -> None:
    for trace in marked(DRAW[name](None)):
        assert set(trace["marker"]["opacity"]) == {1.0}
        assert len(set(trace["marker"]["line"]["width"])) == 1


@pytest.mark.parametrize("name", sorted(DRAW))
def test_the_label_is_bold_the_words_stay_and_the_alternative_says_so(name: str) -> None:
    plain, chosen = DRAW[name](None), DRAW[name]("PPG")
    assert chosen.alt == f"PPG stands out. {plain.alt}"
    before, after = (json.dumps(spec(d)["layout"], ensure_ascii=False) for d in (plain, chosen))
    assert "<b>PPG</b>" in after
    assert "<b>PPG</b>" not in before
    written = [[note["text"] for note in spec(d)["layout"]["annotations"]] for d in (plain, chosen)]
    assert [text.replace("<b>PPG</b>", "PPG") for text in written[1]] == written[0], "no number is lost"


@pytest.mark.parametrize("name", sorted(DRAW))
def test_what_is_missing_stays_hatched_also_where_it_was_chosen(name: str) -> None:
    for title in ("PPG", "Arterial pressure"):
        layout = spec(DRAW[name](title))["layout"]
        assert any("not recorded" in note["text"] for note in layout["annotations"])


@pytest.mark.parametrize("name", sorted(DRAW))
def test_a_modality_that_the_chart_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="highlight 'EEG'"):
        DRAW[name]("EEG")


def test_row_and_column_of_the_heatmap_are_framed_and_the_rest_fades() -> None:
    drawing = spec(DRAW["attention"]("PPG"))
    bright, faded = (t for t in drawing["data"] if t["type"] == "heatmap")
    assert bright["opacity"] == 1.0
    assert faded["opacity"] == FADED
    assert bright["z"][2] == [0.1, None, 0.5, 0.4]
    assert [row[2] for row in bright["z"]] == [0.2, None, 0.5, 0.3]
    assert bright["z"][0] == [None, None, 0.2, None]
    assert faded["z"][0] == [0.6, None, None, 0.2]
    row, column = drawing["layout"]["shapes"]
    assert (row["x0"], row["x1"], row["y0"], row["y1"]) == (-0.5, 3.5, 1.5, 2.5)
    assert (column["x0"], column["x1"], column["y0"], column["y1"]) == (1.5, 2.5, -0.5, 3.5)
    (only,) = (t for t in spec(DRAW["attention"](None))["data"] if t["type"] == "heatmap")
    assert only["z"][0] == [0.6, None, 0.2, 0.2]


@pytest.mark.parametrize("dark", [False, True])
def test_numbers_on_faded_cells_can_be_read(dark: bool) -> None:
    page = [int(BACKGROUND[dark][i : i + 2], 16) for i in (1, 3, 5)]
    for level in np.linspace(0, 1, 21):
        rgb = unlabel_rgb(sample_colorscale(SCALE[dark], [float(level)])[0])
        cell = "#" + "".join(f"{round(FADED * c + (1 - FADED) * p):02X}" for c, p in zip(rgb, page, strict=True))
        assert contrast(ink(float(level), dark, FADED), cell) >= 4.5


def test_edges_of_the_chosen_one_stay_and_the_others_fade() -> None:
    edges = [t for t in spec(DRAW["modality_graph"]("PPG"))["data"] if t["name"] == "similarity"]
    (nodes,) = marked(DRAW["modality_graph"]("PPG"))
    place = dict(zip(nodes["ids"], zip(nodes["x"], nodes["y"], strict=True), strict=True))
    for edge in edges:
        touches = place["PPG"] in zip(edge["x"], edge["y"], strict=True)
        assert edge["opacity"] == (EDGE if touches else FADED_EDGE)
    assert sorted(edge["opacity"] for edge in edges) == [FADED_EDGE, EDGE, EDGE]
    assert {t["opacity"] for t in spec(DRAW["modality_graph"](None))["data"] if t["name"] == "similarity"} == {EDGE}


def test_the_row_of_the_check_is_framed_and_keeps_its_colours() -> None:
    drawing = spec(DRAW["reality_check"]("ECG"))
    frames = [s for s in drawing["layout"]["shapes"] if s["line"]["width"]]
    assert [(s["y0"], s["y1"]) for s in frames] == [(-0.47, 0.47)]
    (bars, _) = marked(DRAW["reality_check"]("ECG"))
    assert bars["marker"]["color"] == [OKABE_ITO[NAMES[i]] for i in ROWS]
    assert "≠" in drawing["layout"]["yaxis"]["ticktext"][0], "the flag stays"
