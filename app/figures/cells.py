"""Square cells with signed numbers on a scale around zero: the sign is written, the colour repeats it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from plotly.colors import sample_colorscale, unlabel_rgb

from app.figures.drawing import STATE_TEXT, State, Trace, hatch, row_axis, tag, wrapped
from app.theme import BACKGROUND, DIVERGING, SMALL, contrast

Write = Callable[[float], str]


def opaque(dark: bool) -> list[tuple[float, str]]:
    """The diverging scale as it looks on the page, so that the ink on a cell can be chosen against it."""
    page = [int(BACKGROUND[dark][i : i + 2], 16) for i in (1, 3, 5)]
    stops = []
    for at, colour in DIVERGING:
        *rgb, strength = (float(part) for part in re.findall(r"[\d.]+", colour))
        mixed = (round(strength * c + (1 - strength) * p) for c, p in zip(rgb, page, strict=True))
        stops.append((at, "rgb({}, {}, {})".format(*mixed)))
    return stops


def ink(share: float, dark: bool) -> str:
    """Black or white, whichever reads better on the cell. share: -1..1 of the scale."""
    (cell,) = sample_colorscale([list(stop) for stop in opaque(dark)], [min(max((share + 1) / 2, 0.0), 1.0)])
    hexed = "#{:02X}{:02X}{:02X}".format(*(round(part) for part in unlabel_rgb(cell)))
    return max(("#000000", "#FFFFFF"), key=lambda colour: contrast(colour, hexed))


def signed_cells(
    matrix: np.ndarray, limit: float, write: Write, hover: Sequence[Sequence[str]], dark: bool
) -> tuple[Trace, list[dict[str, Any]]]:
    """The heatmap of f[R, C] from -limit to limit and its written numbers; NaN is left empty."""
    heat: Trace = {
        "type": "heatmap",
        "z": [[None if np.isnan(v) else float(v) for v in row] for row in matrix],
        "x": list(range(matrix.shape[1])),
        "y": list(range(matrix.shape[0])),
        "zmin": -limit,
        "zmax": limit,
        "colorscale": [list(stop) for stop in opaque(dark)],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "customdata": [list(row) for row in hover],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "cells",
    }
    notes = [
        {"text": write(float(v)), "x": j, "y": i, "showarrow": False}
        | {"font": {"size": SMALL, "color": ink(float(v) / limit, dark)}}
        for (i, j), v in np.ndenumerate(matrix)
        if not np.isnan(v)
    ]
    return heat, notes


def absent_cross(
    titles: Sequence[str], states: Sequence[State], dark: bool
) -> tuple[list[Trace], list[dict[str, Any]]]:
    """Hatched row and column of each modality that is not present, in a square of all of them."""
    size = len(titles)
    here = [s == "present" for s in states]
    traces: list[Trace] = []
    notes: list[dict[str, Any]] = []
    for i, state in enumerate(states):
        if here[i]:
            continue
        boxes = [(-0.5, size - 0.5, i - 0.46, i + 0.46)]
        boxes += [(i - 0.46, i + 0.46, j - 0.5, j + 0.5) for j in range(size) if here[j]]
        traces.append(hatch(boxes, state, dark, f"{titles[i]}: {STATE_TEXT[state]}"))
        notes.append(tag(STATE_TEXT[state], (size - 1) / 2, i, dark))
    return traces, notes


def cell_axes(rows: Sequence[str], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Rows at the left, first on top, columns above; these stand upright where a phone leaves no room."""
    xaxis = {
        "range": [-0.5, len(columns) - 0.5],
        "tickvals": list(range(len(columns))),
        "ticktext": [wrapped(t, 12) for t in columns],
        "side": "top",
        "autotickangles": [0, -90],
        "showgrid": False,
        "ticks": "",
    }
    return {"xaxis": xaxis, "yaxis": row_axis(rows, 13)}


def note_below(lines: Sequence[str], colour: str, line_px: int = 17) -> tuple[dict[str, Any], int]:
    """Lines of words under the cells, and the margin in px that they need."""
    place = {"xref": "paper", "yref": "paper", "x": 1, "y": 0, "xanchor": "right", "yanchor": "top", "yshift": -6}
    note = {"text": "<br>".join(lines), "showarrow": False, "align": "right", **place}
    return note | {"font": {"size": SMALL, "color": colour}}, line_px * len(lines) + 12
