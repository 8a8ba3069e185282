"""Which modalities look alike to the model: its similarity graph on a circle."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import networkx as nx
import numpy as np

from app.figures.drawing import (
    STATE_TEXT,
    Drawing,
    State,
    Trace,
    absent_sentence,
    build,
    check_rows,
    percent,
    tag,
)
from app.figures.emphasis import FADED_EDGE, bar_marker, check_highlight, followed, row_labels
from app.figures.fusion import NOTE_WIDTH, nearly_even, square
from app.theme import BACKGROUND, MUTED, SMALL, TEXT, alpha, modality_colour

# Line width in px of a similarity share of 100 %, the same on every record.
LINE_PX, EDGE = 26, 0.75
ALONG = (0.3, 0.4, 0.5, 0.6, 0.7)
NOTE_LINE_PX = 17
NAMED_PAIRS = 2
NEARLY_ALIKE = "Nearly even: to the model all pairs of modalities are about equally alike here."
Place = tuple[float, float]


def modality_graph(
    adjacency: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    states: Sequence[State],
    weights: np.ndarray | None = None,
    dark: bool = False,
    highlight: str | None = None,
) -> Drawing:
    """The similarity graph on a circle: the more alike two modalities, the wider their edge, on one scale for every
    record; the larger a weight, the larger its node.

    adjacency: f[S, S], row-normalised (Eq. 10), drawn as the mean of both directions; weights: f[S] summing to one, or
    None where the system has none (all nodes equal). What is not present is a hollow dashed circle without edges.
    highlight: the title whose node and edges stand out.
    """
    check_rows("modality_graph", names, titles, states, *([] if weights is None else [weights]))
    check_highlight("modality_graph", highlight, titles)
    size = len(names)
    square("modality_graph", adjacency, size)
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
        strength = EDGE if highlight in (None, titles[i], titles[j]) else FADED_EDGE
        traces.append(_edge(places[i], places[j], share, strength, dark))
    traces.append(_handles(links, places, titles))
    sizes = [16 + 34 * float(np.sqrt(weights[i])) if weights is not None else 26.0 for i in range(size)]
    heads = row_labels(titles, highlight, 15)
    labels = [f"{heads[i]}<br>{_node_text(states[i], weights, i)}" for i in range(size)]
    circles: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [places[i][0] for i in here],
        "y": [places[i][1] for i in here],
        "ids": [titles[i] for i in here],
        "marker": bar_marker([modality_colour(names[i]) for i in here], [titles[i] for i in here], dark, highlight)
        | {"size": [sizes[i] for i in here]},
        "customdata": [f"{titles[i]} {_node_text(states[i], weights, i)}" for i in here],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "modality",
    }
    if highlight is not None:
        traces.append(_page_under(circles, dark))
    traces.append(circles)
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
        f"{followed(highlight)}Similarity graph of the modalities. {said}{absent_sentence(titles, states)}",
        dark,
        "modality_graph",
        430 + (2 * NOTE_LINE_PX if even else 0),
        xaxis={"range": [-1.45, 1.45], "visible": False},
        yaxis={"range": [-1.8 if even else -1.65, 1.2], "visible": False},
        annotations=notes,
        shapes=hollow,
    )


def _edge(a: Place, b: Place, share: float, opacity: float, dark: bool) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [a[0], b[0]],
        "y": [a[1], b[1]],
        "line": {"color": MUTED[dark], "width": LINE_PX * share},
        "opacity": opacity,
        "hoverinfo": "skip",
        "name": "similarity",
    }


def _page_under(circles: Trace, dark: bool) -> Trace:
    """Circles in the page's colour, so that edges do not show through those that fade."""
    marker = {"color": BACKGROUND[dark], "size": circles["marker"]["size"], "opacity": 1}
    place = {"x": circles["x"], "y": circles["y"], "hoverinfo": "skip"}
    return {"type": "scatter", "mode": "markers", "name": "page", "marker": marker, **place}


def _handles(links: Mapping[tuple[int, int], float], places: Mapping[int, Place], titles: Sequence[str]) -> Trace:
    """Points along the edges that answer the pointer: a line itself answers at its ends only, where the circles lie."""
    x: list[float | None] = []
    y: list[float | None] = []
    words: list[str] = []
    for (i, j), share in links.items():
        a, b = places[i], places[j]
        x += [a[0] + t * (b[0] - a[0]) for t in ALONG] + [None]
        y += [a[1] + t * (b[1] - a[1]) for t in ALONG] + [None]
        words += [f"{titles[i]} and {titles[j]}: similarity share {percent(share)}"] * len(ALONG) + [""]
    # Lines of no width: points with markers would take clicks that are meant for circles.
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"width": 0},
        "hoverinfo": "text",
        "text": words,
        "connectgaps": False,
        "name": "shares",
    }


def _node_text(state: State, weights: np.ndarray | None, i: int) -> str:
    if state != "present":
        return STATE_TEXT[state]
    return "" if weights is None else f"weight {percent(float(weights[i]))}"


def _hollow(place: Place, dark: bool) -> dict[str, Any]:
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
