"""How the modalities were fused: attention, modality graph, gates, weights and the exact split of the logit."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import networkx as nx
import numpy as np
from plotly.colors import sample_colorscale, unlabel_rgb

from amfn.types import InputError
from app.figures.bars import shares
from app.figures.drawing import (
    ROW_PX,
    STATE_TEXT,
    Drawing,
    State,
    Trace,
    absent_sentence,
    build,
    check_rows,
    hatch,
    listing,
    percent,
    row_axis,
    tag,
    wrapped,
)
from app.theme import BACKGROUND, MUTED, SMALL, TEXT, alpha, contrast, modality_colour

# Perceptually uniform (cmocean); the low end is the one nearest to the page. It always runs from 0 to 100 %: stretched
# to a record's own largest share it would show structure where there is none.
SCALE = {False: "dense", True: "ice"}
# Line width in px of a similarity share of 100 %, for the same reason the same on every record.
LINE_PX = 26
# Shares that all lie this close to their even value, as a part of it, are called nearly even: 1/8 ± 0.02, 1/3 ± 0.05.
EVEN_WITHIN = 0.15
NEARLY_EVEN = "Nearly even: the model mixes all modalities about equally here."
NEARLY_ALIKE = "Nearly even: to the model all pairs of modalities are about equally alike here."
NOTE_WIDTH, NOTE_LINE_PX = 44, 17
NAMED_PAIRS = 2


def attention(alpha: np.ndarray, titles: Sequence[str], states: Sequence[State], dark: bool = False) -> Drawing:
    """Heatmap of routing weights: row i is the receiving modality, column j the one it takes from.

    alpha: f[S, S], rows sum to one over what is present; rows and columns that are not present are hatched, their
    numbers ignored. The colour scale is 0 to 100 % on every record. Raises InputError where the matrix is not [S, S].
    """
    check_rows("attention", titles, titles, states)
    size = len(titles)
    _square("attention", alpha, size)
    here = [s == "present" for s in states]
    shown = np.where(np.outer(here, here), np.asarray(alpha, dtype=float), np.nan)
    z = [[None if np.isnan(v) else float(v) for v in row] for row in shown]
    heat: Trace = {
        "type": "heatmap",
        "z": z,
        "x": list(range(size)),
        "y": list(range(size)),
        "zmin": 0,
        "zmax": 1,
        "colorscale": SCALE[dark],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "customdata": [
            [f"{titles[i]} takes {percent(float(np.nan_to_num(shown[i, j])))} from {titles[j]}" for j in range(size)]
            for i in range(size)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    traces: list[Trace] = [heat]
    notes: list[dict[str, Any]] = []
    for i in range(size):
        if here[i]:
            for j in range(size):
                if here[j]:
                    colour = ink(float(shown[i, j]), dark)
                    cell = percent(float(shown[i, j])).replace(" ", "")
                    notes.append(
                        {"text": cell, "x": j, "y": i, "showarrow": False, "font": {"size": SMALL, "color": colour}}
                    )
            continue
        text = f"{titles[i]}: {STATE_TEXT[states[i]]}"
        boxes = [(-0.5, size - 0.5, i - 0.46, i + 0.46)]
        boxes += [(i - 0.46, i + 0.46, j - 0.5, j + 0.5) for j in range(size) if here[j]]
        traces.append(hatch(boxes, states[i], dark, text))
        notes.append(tag(STATE_TEXT[states[i]], (size - 1) / 2, i, dark))
    rows = [i for i in range(size) if here[i]]
    even = len(rows) > 1 and nearly_even(shown[np.ix_(rows, rows)].ravel(), 1 / len(rows))
    said = listing([_takes(titles, shown, i, rows) for i in rows]) or "nothing is present"
    lines = _attention_note(even, len(rows))
    notes.append(
        {
            "text": "<br>".join(lines),
            **{"xref": "paper", "yref": "paper", "x": 1, "y": 0, "xanchor": "right", "yanchor": "top", "yshift": -6},
            **{"showarrow": False, "align": "right", "font": {"size": SMALL, "color": TEXT[dark]}},
        }
    )
    below = NOTE_LINE_PX * len(lines) + 12
    return build(
        traces,
        f"Routing weights between modalities: {f'{NEARLY_EVEN} ' if even else ''}{said}."
        f"{absent_sentence(titles, states)}",
        dark,
        "attention",
        ROW_PX * size + 142 + below,
        xaxis={
            "range": [-0.5, size - 0.5],
            "tickvals": list(range(size)),
            "ticktext": [wrapped(t, 12) for t in titles],
            "side": "top",
            "autotickangles": [0, -90],
            "showgrid": False,
            "title": {"text": "takes from"},
        },
        yaxis={**row_axis(titles, 13), "title": {"text": "receives"}},
        annotations=notes,
        margin={"b": below},
    )


def modality_graph(
    adjacency: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    weights: np.ndarray | None = None,
    dark: bool = False,
) -> Drawing:
    """The similarity graph on a circle: the more alike two modalities, the wider their edge, on one scale for every
    record; the larger a weight, the larger its node.

    adjacency: f[S, S], row-normalised (Eq. 10), drawn as the mean of both directions; weights: f[S] summing to one, or
    None where the system has none (all nodes equal). What is not present is a hollow dashed circle without edges.
    """
    check_rows("modality_graph", names, titles, states, *([] if weights is None else [weights]))
    size = len(names)
    _square("modality_graph", adjacency, size)
    here = [i for i in range(size) if states[i] == "present"]
    links = {
        (i, j): float(adjacency[i, j] + adjacency[j, i]) / 2 for i, j in combinations(here, 2) if adjacency[i, j] > 0
    }
    graph = nx.Graph()
    graph.add_nodes_from(range(size))
    graph.add_edges_from(links)
    places = {i: (float(y), float(-x)) for i, (x, y) in nx.circular_layout(graph).items()}
    traces: list[Trace] = []
    for (i, j), share in sorted(links.items(), key=lambda item: item[1]):
        traces.append(
            _edge(
                places[i],
                places[j],
                share,
                f"{titles[i]} and {titles[j]}: similarity share {percent(share)}",
                dark,
            )
        )
    sizes = [16 + 34 * float(np.sqrt(weights[i])) if weights is not None else 26.0 for i in range(size)]
    labels = [f"{wrapped(titles[i], 15)}<br>{_node_text(states[i], weights, i)}" for i in range(size)]
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": [places[i][0] for i in here],
            "y": [places[i][1] for i in here],
            "marker": {
                "size": [sizes[i] for i in here],
                "color": [modality_colour(names[i]) for i in here],
                "line": {"color": TEXT[dark], "width": 1.5},
                "opacity": 1,
            },
            "customdata": [labels[i].replace("<br>", " ") for i in here],
            "hovertemplate": "%{customdata}<extra></extra>",
            "name": "modality",
        }
    )
    hollow = [_hollow(places[i], dark) for i in range(size) if i not in here]
    notes = [
        tag(labels[i], *places[i], dark, yanchor="top", yshift=-(sizes[i] if i in here else 26) / 2 - 2)
        | {"bgcolor": alpha(BACKGROUND[dark], 0.8)}
        for i in range(size)
    ]
    key = "Lines: none" if not links else f"Line: similarity, widest {percent(max(links.values()))}"
    even = len(links) > 1 and nearly_even(np.array(list(links.values())), float(np.mean(list(links.values()))))
    place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0, "xanchor": "center", "yanchor": "bottom"}
    circle = "" if weights is None else ". Circle: fusion weight"
    lines = [*(textwrap.wrap(NEARLY_ALIKE, NOTE_WIDTH) if even else []), f"{key}{circle}."]
    notes.append(
        {"text": "<br>".join(lines), "showarrow": False, "font": {"size": SMALL, "color": TEXT[dark]}, **place}
    )
    said = f"{NEARLY_ALIKE} " if even else ""
    said += _graph_sentence(links, titles)
    return build(
        traces,
        f"Similarity graph of the modalities. {said}{absent_sentence(titles, states)}",
        dark,
        "modality_graph",
        430 + (2 * NOTE_LINE_PX if even else 0),
        xaxis={"range": [-1.45, 1.45], "visible": False},
        yaxis={"range": [-1.8 if even else -1.65, 1.2], "visible": False},
        annotations=notes,
        shapes=hollow,
    )


def gates(
    gamma: np.ndarray, names: Sequence[str], titles: Sequence[str], states: Sequence[State], dark: bool = False
) -> Drawing:
    """How far each modality's gate is open (Eq. 13). gamma: f[S] in 0..1."""
    meaning = "0 is closed, 1 is open"
    return shares("gates", gamma, names, titles, states, "gate (0 closed, 1 open)", meaning, False, dark)


def weights(
    beta: np.ndarray, names: Sequence[str], titles: Sequence[str], states: Sequence[State], dark: bool = False
) -> Drawing:
    """Each modality's share in the fused representation (Eq. 15). beta: f[S], sums to one over what is present."""
    meaning = "share of the fused representation"
    return shares("weights", beta, names, titles, states, "fusion weight", meaning, True, dark)


def _square(source: str, matrix: np.ndarray, size: int) -> None:
    if np.shape(matrix) != (size, size):
        raise InputError(source, f"matrix {np.shape(matrix)}", f"({size}, {size})", "Pass one record and one head.")


def ink(level: float, dark: bool) -> str:
    """Black or white, whichever reads better on the colour scale at `level`."""
    r, g, b = unlabel_rgb(sample_colorscale(SCALE[dark], [min(max(level, 0.0), 1.0)])[0])
    cell = f"#{round(r):02X}{round(g):02X}{round(b):02X}"
    return max(("#000000", "#FFFFFF"), key=lambda ink: contrast(ink, cell))


def nearly_even(shares: np.ndarray, even: float) -> bool:
    """True where every share lies within `EVEN_WITHIN` of the even one. shares: f[n] in 0..1."""
    return bool((np.abs(shares - even) <= EVEN_WITHIN * even).all())


def _attention_note(even: bool, present: int) -> list[str]:
    scale = "Colour: 0 to 100 %, the same for every record."
    if present > 1:
        scale += f" An even share is {percent(1 / present)}."
    sentences = [NEARLY_EVEN, scale] if even else [scale]
    return [line for sentence in sentences for line in textwrap.wrap(_unbroken(sentence), NOTE_WIDTH)]


def _unbroken(text: str) -> str:
    """A number keeps its % on the same line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _takes(titles: Sequence[str], shown: np.ndarray, i: int, rows: Sequence[int]) -> str:
    """Where row i takes most from; shares that print alike are ties, and all are named."""
    written = {j: percent(float(shown[i, j])) for j in rows}
    top = percent(float(np.nanmax(shown[i])))
    first = [titles[j] for j in rows if written[j] == top]
    if len(first) == len(rows) > 1:
        return f"{titles[i]} takes the same share from each ({top})"
    return f"{titles[i]} takes most from {listing(first)} ({top}{' each' if len(first) > 1 else ''})"


def _edge(a: tuple[float, float], b: tuple[float, float], share: float, text: str, dark: bool) -> Trace:
    """One edge; hover on three points along it, as a line itself gives none between its ends."""
    along = np.array([0.0, 0.3, 0.5, 0.7, 1.0])
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [float(a[0] + t * (b[0] - a[0])) for t in along],
        "y": [float(a[1] + t * (b[1] - a[1])) for t in along],
        "line": {"color": MUTED[dark], "width": LINE_PX * share},
        "opacity": 0.75,
        "hoverinfo": "text",
        "text": text,
        "name": "similarity",
    }


def _node_text(state: State, weights: np.ndarray | None, i: int) -> str:
    if state != "present":
        return STATE_TEXT[state]
    return "" if weights is None else f"weight {percent(float(weights[i]))}"


def _hollow(place: tuple[float, float], dark: bool) -> dict[str, Any]:
    return {
        "type": "circle",
        "xsizemode": "pixel",
        "ysizemode": "pixel",
        "xanchor": place[0],
        "yanchor": place[1],
        "x0": -13,
        "x1": 13,
        "y0": -13,
        "y1": 13,
        "line": {"color": MUTED[dark], "width": 2, "dash": "dash"},
    }


def _graph_sentence(links: dict[tuple[int, int], float], titles: Sequence[str]) -> str:
    if not links:
        return "No two modalities are present."
    most, least = percent(max(links.values())), percent(min(links.values()))
    if most == least:
        return f"{'Every pair has' if len(links) > 1 else 'The only pair has'} the similarity share {most}."
    top, end = (
        [f"{titles[a]} and {titles[b]}" for (a, b), share in links.items() if percent(share) == bound]
        for bound in (most, least)
    )
    return f"Most alike: {_pairs(top)} (similarity share {most}); least: {_pairs(end)} ({least})."


def _pairs(named: Sequence[str]) -> str:
    """The pairs that tie, or how many where that is too long to listen to."""
    return "; ".join(named) if len(named) <= NAMED_PAIRS else f"{len(named)} pairs"
