"""Figures of fusion, attribution, comparison and risk: what is absent, the sign without colour, the words."""

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
from app.figures.drawing import MINUS, percent, signed, unit_text
from app.figures.fusion import NEARLY_EVEN, SCALE, ink
from app.figures.graph import NEARLY_ALIKE
from app.theme import BACKGROUND, MUTED, NEGATIVE, OKABE_ITO, POSITIVE, TEXT, contrast, modality_colour

NAMES = ["ecg", "abp", "ppg", "resp"]
TITLES = ["ECG", "Arterial pressure", "PPG", "Respiration"]
STATES: list[State] = ["present", "missing", "present", "off"]
SHARES = np.array([0.7, 0.0, 0.3, 0.0])
SIGNED = np.array([1.25, 0.0, -0.5, 0.0])
ALPHA = np.array([[0.6, 0, 0.4, 0], [0, 0, 0, 0], [0.1, 0, 0.9, 0], [0, 0, 0, 0]])

DRAW: dict[str, Callable[[bool], Drawing]] = {
    "attention": lambda dark: figures.attention(ALPHA, TITLES, STATES, dark),
    "modality_graph": lambda dark: figures.modality_graph(ALPHA, NAMES, TITLES, STATES, SHARES, dark),
    "gates": lambda dark: figures.gates(SHARES, NAMES, TITLES, STATES, dark),
    "weights": lambda dark: figures.weights(SHARES, NAMES, TITLES, STATES, dark),
    "logit_split": lambda dark: figures.logit_split(SIGNED, -1.0, -0.25, NAMES, TITLES, STATES, prior=0.14, dark=dark),
    "contributions": lambda dark: figures.contributions(
        SIGNED, NAMES, TITLES, STATES, base=-1.0, total=-0.25, dark=dark
    ),
    "modality_totals": lambda dark: figures.modality_totals(SIGNED, NAMES, TITLES, STATES, dark=dark),
    "modality_shares": lambda dark: figures.modality_shares(SHARES, NAMES, TITLES, STATES, "sensitivity", dark),
    "paired_gates": lambda dark: figures.paired_bars(SHARES, SHARES[::-1], NAMES, TITLES, STATES, "gates", dark),
    "paired_weights": lambda dark: figures.paired_bars(SHARES, SHARES[::-1], NAMES, TITLES, STATES, "weights", dark),
    "risk_pair": lambda dark: figures.risk_pair(0.23, 0.31, 0.14, "death in hospital", dark),
    "risk_bar": lambda dark: figures.risk_bar(0.23, 0.14, "death in hospital", (0.17, 0.29), (0.21, 0.15, 0.28), dark),
}
PER_MODALITY = sorted(set(DRAW) - {"risk_pair", "risk_bar"})
BARS = ["gates", "weights", "logit_split", "contributions", "modality_totals"]


def spec(drawing: Drawing) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(drawing.figure.to_json())
    return loaded


def notes(drawing: Drawing) -> list[str]:
    return [note["text"] for note in spec(drawing)["layout"]["annotations"]]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", sorted(DRAW))
def test_every_figure_keeps_the_common_rules(name: str, dark: bool) -> None:
    drawing = DRAW[name](dark)
    again = DRAW[name](dark)
    assert drawing.figure.to_json() == again.figure.to_json(), "equal values give an equal figure"
    layout = spec(drawing)["layout"]
    assert layout["uirevision"]
    assert layout["height"] > 0
    assert "title" not in layout, "titles stand on the page"
    theme = layout["template"]["layout"]
    assert theme["paper_bgcolor"] == theme["plot_bgcolor"] == "rgba(0,0,0,0)"
    assert theme["font"]["color"] == TEXT[dark]
    assert theme["xaxis"]["automargin"] is True
    assert min(_font_sizes(layout)) >= 12
    assert len(drawing.alt) > 20
    assert "<br>" not in drawing.alt


@pytest.mark.parametrize("name", PER_MODALITY)
def test_absent_is_hatched_and_labelled_in_two_ways(name: str) -> None:
    drawing = DRAW[name](False)
    if name == "modality_graph":
        dashed = [s for s in spec(drawing)["layout"]["shapes"] if s["type"] == "circle" and s["line"]["dash"] == "dash"]
        assert len(dashed) == 2
    else:
        patterns = {t["name"]: t["fillpattern"]["shape"] for t in spec(drawing)["data"] if "fillpattern" in t}
        assert patterns == {"not recorded": "/", "switched off": "."}
    assert any("not recorded" in text for text in notes(drawing))
    assert any("switched off" in text for text in notes(drawing))
    assert "Not recorded: Arterial pressure." in drawing.alt
    assert "Switched off: Respiration." in drawing.alt


@pytest.mark.parametrize("name", BARS)
def test_absent_has_no_bar_at_all(name: str) -> None:
    shift = 1 if name == "logit_split" else 0
    bars = [t for t in DRAW[name](False).figure.data if t.type == "bar"]
    assert [list(t.y) for t in bars] == [[0 + shift, 2 + shift]]


def test_present_and_zero_keeps_its_row_and_number() -> None:
    drawing = figures.weights(np.array([1.0, 0.0]), NAMES[:2], TITLES[:2], ["present", "present"])
    assert list(drawing.figure.data[0].y) == [0, 1]
    assert "0 %" in notes(drawing)
    assert len(drawing.figure.data) == 1, "nothing is hatched"


@pytest.mark.parametrize("name", ["logit_split", "contributions", "modality_totals"])
def test_the_sign_shows_without_colour(name: str) -> None:
    drawing = DRAW[name](False)
    written = notes(drawing)
    assert "+1.25" in written
    assert f"{MINUS}0.50" in written
    assert any("lowers" in text and MINUS in text for text in written)
    assert any("raises" in text and "+" in text for text in written)
    (bar,) = [t for t in drawing.figure.data if t.type == "bar"]
    assert list(bar.x) == [1.25, -0.5]
    assert list(bar.marker.color) == [POSITIVE[False], NEGATIVE[False]]
    assert "ECG +1.25" in drawing.alt
    assert f"PPG {MINUS}0.50" in drawing.alt


def test_signed_axis_is_centred_at_zero() -> None:
    low, high = figures.contributions(SIGNED, NAMES, TITLES, STATES).figure.layout.xaxis.range
    assert low == -high
    assert high > 1.25


def test_logit_split_walks_from_the_bias_to_the_total() -> None:
    drawing = DRAW["logit_split"](False)
    (bar,) = [t for t in drawing.figure.data if t.type == "bar"]
    assert list(bar.base) == [-1.0, 0.25]
    marks = drawing.figure.data[-1]
    assert list(marks.x) == [-1.0, -0.25]
    # 1 / (1 + exp(0.25)) = 0.438
    assert "44 %" in drawing.alt
    assert any("44 %" in text for text in notes(drawing))


def test_attention_prints_percent_and_leaves_absent_cells_empty() -> None:
    drawing = DRAW["attention"](False)
    heat = spec(drawing)["data"][0]
    assert heat["z"][0] == [0.6, None, 0.4, None]
    assert heat["z"][1] == [None] * 4
    assert "60%" in notes(drawing)
    assert "ECG takes most from ECG (60 %)" in drawing.alt
    with pytest.raises(InputError, match="matrix"):
        figures.attention(ALPHA[:2], TITLES, STATES)


def test_attention_numbers_read_on_their_cells() -> None:
    for dark in (False, True):
        for level in np.linspace(0, 1, 21):
            rgb = unlabel_rgb(sample_colorscale(SCALE[dark], [float(level)])[0])
            cell = "#" + "".join(f"{round(v):02X}" for v in rgb)
            assert contrast(ink(float(level), dark), cell) >= 4.5


def test_graph_draws_edges_between_present_nodes_only() -> None:
    drawing = DRAW["modality_graph"](False)
    edges = [t for t in drawing.figure.data if t.name == "similarity"]
    assert len(edges) == 1
    (handles,) = [t for t in drawing.figure.data if t.name == "shares"]
    assert set(handles.text) == {"ECG and PPG: similarity share 25 %", ""}
    assert handles.mode == "lines", "a click is meant for a circle"
    assert list(drawing.figure.data[-1].marker.color) == [OKABE_ITO["ecg"], OKABE_ITO["ppg"]]
    alone = figures.modality_graph(ALPHA[:1, :1], NAMES[:1], TITLES[:1], ["present"])
    assert "No two modalities" in alone.alt


def test_edges_are_wide_in_proportion_so_that_equal_ones_look_equal() -> None:
    shares = np.array([[0.4, 0.30, 0.30], [0.29, 0.4, 0.31], [0.30, 0.30, 0.4]])
    drawing = figures.modality_graph(shares, NAMES[:3], TITLES[:3], ["present"] * 3)
    widths = [t.line.width for t in drawing.figure.data if t.name == "similarity"]
    assert max(widths) / min(widths) < 1.1
    assert any("widest 31 %" in text for text in notes(drawing))  # (31 + 30) / 2, halves rounded up
    half = figures.modality_graph(shares / 2, NAMES[:3], TITLES[:3], ["present"] * 3)
    thin = [t.line.width for t in half.figure.data if t.name == "similarity"]
    np.testing.assert_allclose(thin, np.array(widths) / 2, err_msg="one scale for every record")


def test_attention_has_one_colour_scale_for_every_record() -> None:
    for level in (0.25, 1.0):
        heat = figures.attention(np.full((4, 4), level), TITLES, ["present"] * 4).figure.data[0]
        assert (heat.zmin, heat.zmax) == (0, 1)


EVEN = np.full((4, 4), 0.25)
NUDGED = EVEN + np.array([[0.03, -0.03, 0, 0]] * 4)
SKEWED = EVEN + np.array([[0.05, -0.05, 0, 0]] * 4)


@pytest.mark.parametrize(("alpha", "even"), [(EVEN, True), (NUDGED, True), (SKEWED, False)])
def test_attention_without_structure_says_so(alpha: np.ndarray, even: bool) -> None:
    drawing = figures.attention(alpha, TITLES, ["present"] * 4)
    assert (NEARLY_EVEN in drawing.alt) is even
    written = [text.replace("<br>", " ").replace("\N{NO-BREAK SPACE}", " ") for text in notes(drawing)]
    assert any(NEARLY_EVEN in text for text in written) is even
    assert any("An even share is 25 %." in text for text in written)


def test_one_modality_alone_is_not_called_even() -> None:
    alone = np.zeros((4, 4))
    alone[0, 0] = 1
    drawing = figures.attention(alone, TITLES, ["present", "missing", "off", "missing"])
    assert NEARLY_EVEN not in drawing.alt
    assert "ECG takes most from ECG (100 %)" in drawing.alt


def test_ties_are_all_named() -> None:
    alpha = np.array([[0.4, 0.4, 0.2], [0.2, 0.6, 0.2], [1 / 3, 1 / 3, 1 / 3]])
    alt = figures.attention(alpha, TITLES[:3], ["present"] * 3).alt
    assert "ECG takes most from ECG and Arterial pressure (40 % each)" in alt
    assert "Arterial pressure takes most from Arterial pressure (60 %)" in alt
    assert "PPG takes the same share from each (33 %)" in alt
    graph = figures.modality_graph(EVEN, NAMES, TITLES, ["present"] * 4)
    assert f"{NEARLY_ALIKE} Every pair has the similarity share 25 %." in graph.alt
    assert any(NEARLY_ALIKE in text.replace("<br>", " ") for text in notes(graph))
    tied = np.array([[0.2, 0.4, 0.4], [0.4, 0.2, 0.1], [0.4, 0.1, 0.2]])
    said = figures.modality_graph(tied, NAMES[:3], TITLES[:3], ["present"] * 3).alt
    assert "Most alike: ECG and Arterial pressure; ECG and PPG (similarity share 40 %)" in said
    assert "least: Arterial pressure and PPG (10 %)" in said
    assert NEARLY_ALIKE not in said


def test_paired_bars_keep_the_outline_of_what_was_switched_off() -> None:
    full = np.array([0.4, 0.0, 0.35, 0.25])
    after = np.array([0.55, 0.0, 0.45, 0.0])
    drawing = figures.paired_bars(full, after, NAMES, TITLES, STATES, "weights")
    outline, filled = (next(t for t in drawing.figure.data if t.name == n) for n in ("full record", "as altered"))
    assert list(outline.y) == [0, 2, 3]
    assert list(filled.y) == [0, 2]
    assert "ECG 40 % → 55 %" in drawing.alt
    assert "Respiration 25 % → off" in drawing.alt
    states: list[State] = ["present", "missing", "present", "out"]
    by_hand = figures.paired_bars(full, after, NAMES, TITLES, states, "weights", changed="with values altered")
    assert "Respiration 25 % → out. Not recorded: Arterial pressure. Taken out: Respiration." in by_hand.alt
    assert "outline: full record · filled: with values altered" in notes(by_hand)
    assert "with values altered" in {trace.name for trace in by_hand.figure.data}


def test_risk_is_written_with_base_rate_and_interval() -> None:
    drawing = DRAW["risk_bar"](False)
    assert drawing.alt == (
        "Death in hospital: 23 % (networks 17 % to 29 %); base rate 14 %. "
        "Observed among similar estimates: 21 % (15 % to 28 %)."
    )
    assert any("23 %" in text for text in notes(drawing))
    assert "base rate 14 %" in notes(drawing)
    pair = DRAW["risk_pair"](False)
    assert "23 % with the full record, 31 % as altered (+8 percentage points)" in pair.alt
    switched = figures.risk_pair(0.23, 0.31, 0.14, "death", changed="with modalities off")
    assert "31 % with modalities off (+8" in switched.alt
    assert list(switched.figure.layout.yaxis.ticktext) == ["Full record", "Modalities<br>off"]
    assert switched.figure.data[1].customdata[1].startswith("With modalities off: 31 %")
    with pytest.raises(InputError, match="probability"):
        figures.risk_bar(-1.7, 0.14, "death")


def test_unequal_lengths_and_unknown_states_are_refused() -> None:
    with pytest.raises(InputError, match="lengths"):
        figures.gates(SHARES[:2], NAMES, TITLES, STATES)
    with pytest.raises(InputError, match="state"):
        figures.gates(SHARES, NAMES, TITLES, ["present", "gone", "present", "off"])  # type: ignore[list-item]
    with pytest.raises(InputError, match="kind"):
        figures.paired_bars(SHARES, SHARES, NAMES, TITLES, STATES, "alpha")  # type: ignore[arg-type]


def test_numbers_in_words() -> None:
    assert [percent(p) for p in (0.0, 0.001, 0.144, 0.999, 1.0)] == ["0 %", "<1 %", "14 %", ">99 %", "100 %"]
    assert [signed(v) for v in (0.004, -0.004, 1.2, -1.2)] == ["0.00", "0.00", "+1.20", f"{MINUS}1.20"]
    assert [unit_text(u) for u in ("degC", "10^9/L", "mmHg")] == ["°C", "10⁹/L", "mmHg"]


def test_colours_meet_wcag_aa_and_are_fixed() -> None:
    for dark in (False, True):
        assert contrast(TEXT[dark], BACKGROUND[dark]) >= 7
        assert contrast(MUTED[dark], BACKGROUND[dark]) >= 4.5
        assert contrast(POSITIVE[dark], BACKGROUND[dark]) >= 3
        assert contrast(NEGATIVE[dark], BACKGROUND[dark]) >= 3
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    icu = ["heart_rate", "blood_pressure", "oxygenation", "respiration", "labs", "neuro_temperature", "urine"]
    assert len({modality_colour(n) for n in [*icu, "demographics"]}) == 8
    assert modality_colour("something new") == modality_colour("something new")


def _font_sizes(node: Any) -> list[float]:
    if isinstance(node, dict):
        own = [node["size"]] if "size" in node and ("color" in node or "family" in node) else []
        return own + [size for value in node.values() for size in _font_sizes(value)]
    if isinstance(node, list):
        return [size for value in node for size in _font_sizes(value)]
    return []


def test_shares_of_sizes_have_no_direction() -> None:
    drawing = DRAW["modality_shares"](False)
    assert "Share of all sensitivity" in drawing.alt
    assert not any(word in drawing.figure.to_json() + drawing.alt for word in ("raises", "lowers", "log-odds"))
