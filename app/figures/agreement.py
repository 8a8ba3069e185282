"""A clinician's order of modalities beside a model's, and how far many of them agree with each of its measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from amfn.types import InputError
from app.figures.drawing import (
    Drawing,
    Trace,
    build,
    hatch,
    listing,
    row_axis,
    signed,
    tag,
    value_column,
    wrapped,
)
from app.figures.guards import check_titles, numbers
from app.theme import BACKGROUND, MAGNITUDE, MUTED, SMALL, TEXT, alpha

PLACES_ROW_PX, TAU_ROW_PX, HEAD_PX = 58, 42, 96
LANE = 0.27
"""Orders stand in lanes of their own within a row, so that equal places do not cover each other."""
SHAPES = ("circle", "diamond", "square")
UNDEFINED = "not defined"


@dataclass(frozen=True, slots=True)
class TauRow:
    """One measure. tau, low, high: pooled, with its interval; band: what rankings dealt at random give; None for what
    there is not. raters: the mean of each."""

    title: str
    group: str
    tau: float | None
    low: float | None
    high: float | None
    band: tuple[float, float] | None
    raters: tuple[float, ...]


def places(orders: Mapping[str, Sequence[float] | np.ndarray], titles: Sequence[str], dark: bool = False) -> Drawing:
    """One row per modality, one mark per order at the place that it gives; the first order is the reader's own.

    orders: by title, places f[p] from 1 to p, halves where places are shared. At most three.
    """
    source, count = "places", check_titles("places", "modalities", titles)
    if not 1 <= len(orders) <= len(SHAPES):
        raise InputError(source, f"{len(orders)} orders", f"1 to {len(SHAPES)}", "Leave some out.")
    ranks = {name: numbers(source, name, values, (count,), 1, count) for name, values in orders.items()}
    rows = np.argsort(next(iter(ranks.values())), kind="stable")
    labels = [titles[i] for i in rows]
    colours = (TEXT[dark], MAGNITUDE[dark], MUTED[dark])
    traces: list[Trace] = []
    for k, (name, values) in enumerate(ranks.items()):
        own = [float(values[i]) for i in rows]
        words = [place_text(values, i) for i in rows]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": own,
                "y": [row + LANE * (k - (len(ranks) - 1) / 2) for row in range(count)],
                "marker": {
                    "symbol": SHAPES[k],
                    "size": 14,
                    "color": colours[k],
                    "line": {"color": TEXT[dark], "width": 1},
                },
                "customdata": [f"{title}: {word}, {name}" for title, word in zip(labels, words, strict=True)],
                "hovertemplate": "%{customdata}<extra></extra>",
                "name": name,
                "showlegend": True,
            }
        )
    bands = [
        {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": row - 0.5, "y1": row + 0.5, "layer": "below"}
        | {"fillcolor": alpha(MUTED[dark], 0.1), "line": {"width": 0}}
        for row in range(0, count, 2)
    ]
    said = "; ".join(
        f"{name}: {listing([f'{titles[i]} {place_text(values, i)}' for i in np.argsort(values, kind='stable')])}"
        for name, values in ranks.items()
    )
    return build(
        traces,
        f"Places of {count} modalities, 1 is first. {said}.",
        dark,
        source,
        PLACES_ROW_PX * count + HEAD_PX,
        xaxis={
            "range": [0.5, count + 0.5],
            "tickvals": list(range(1, count + 1)),
            "side": "top",
            "showgrid": True,
            "title": {"text": "place, 1 is first"},
        },
        yaxis=row_axis(labels),
        shapes=bands,
        legend={"orientation": "h", "y": 0, "yanchor": "top", "x": 0, "font": {"size": SMALL}, "itemclick": False}
        | {"itemdoubleclick": False},
        showlegend=True,
    )


def place_text(places: Sequence[float] | np.ndarray, at: int) -> str:
    """'2', or '2 to 4' where places are shared. places: f[p], those that are shared at their mean."""
    values = np.asarray(places, dtype=float)
    first, tied = int((values < values[at]).sum()) + 1, int((values == values[at]).sum())
    return str(first) if tied == 1 else f"{first} to {first + tied - 1}"


def rater_agreement(rows: Sequence[TauRow], dark: bool = False) -> Drawing:
    """Pooled Kendall's tau of each measure with its interval, over the band of chance, each rater a small circle.

    Measures of the same group stand together, in the order given. Raises InputError for numbers outside -1..1.
    """
    source = "rater_agreement"
    check_titles(source, "measures", [row.title for row in rows])
    for row in rows:
        asked = [v for v in (row.tau, row.low, row.high, *(row.band or ()), *row.raters) if v is not None]
        if asked:
            numbers(source, row.title, asked, (len(asked),), -1, 1)
    known = [(k, row) for k, row in enumerate(rows) if row.tau is not None]
    traces = [_bands(rows, dark), _raters(rows, dark), _intervals(known, dark)]
    undefined = [(-1.0, 1.0, k - 0.3, k + 0.3) for k, row in enumerate(rows) if row.tau is None]
    notes: list[dict[str, Any]] = []
    if undefined:
        traces.append(hatch(undefined, "missing", dark, UNDEFINED) | {"name": UNDEFINED})
        notes += [tag(UNDEFINED, 0, k, dark) for k, row in enumerate(rows) if row.tau is None]
    column, margin = value_column([signed(row.tau) if row.tau is not None else "" for row in rows], dark)
    said = "; ".join(_words(row) for row in rows)
    divides = [k - 0.5 for k in range(1, len(rows)) if rows[k].group != rows[k - 1].group]
    return build(
        [trace for trace in traces if trace["y"]],
        f"Agreement of rankings with each measure (Kendall's tau). {said}.",
        dark,
        source,
        TAU_ROW_PX * len(rows) + HEAD_PX,
        xaxis={
            "range": [-1.08, 1.08],
            "tickvals": [-1, -0.5, 0, 0.5, 1],
            "ticktext": ["\N{MINUS SIGN}1<br>reversed", "", "0<br>unrelated", "", "+1<br>same order"],
            "showgrid": True,
            "zeroline": True,
            "title": {"text": "Kendall's tau"},
        },
        yaxis=row_axis([row.title for row in rows])
        | {"ticktext": [f"{wrapped(row.title, 18)}<br><i>{row.group}</i>" for row in rows]},
        shapes=[
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y}
            | {"line": {"color": MUTED[dark], "width": 1, "dash": "dot"}}
            for y in divides
        ],
        annotations=notes + column,
        margin={"r": margin},
    )


def _bands(rows: Sequence[TauRow], dark: bool) -> Trace:
    """Grey bars: where the pooled tau lies in 95 of 100 studies whose rankings were dealt at random."""
    banded = [(k, row.band) for k, row in enumerate(rows) if row.band is not None]
    return {
        "type": "bar",
        "orientation": "h",
        "y": [k for k, _ in banded],
        "base": [low for _, (low, _) in banded],
        "x": [high - low for _, (low, high) in banded],
        "width": 0.7,
        "marker": {"color": alpha(MUTED[dark], 0.3), "line": {"width": 0}},
        "customdata": [f"{rows[k].title}: chance gives {signed(low)} to {signed(high)}" for k, (low, high) in banded],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "chance",
    }


def _raters(rows: Sequence[TauRow], dark: bool) -> Trace:
    points = [(k, value) for k, row in enumerate(rows) for value in row.raters]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [value for _, value in points],
        "y": [k + 0.24 for k, _ in points],
        "marker": {
            "size": 7,
            "color": BACKGROUND[dark],
            "line": {"color": TEXT[dark], "width": 1},
        },
        "customdata": [f"{rows[k].title}: one rater's mean {signed(value)}" for k, value in points],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "raters",
    }


def _intervals(known: Sequence[tuple[int, TauRow]], dark: bool) -> Trace:
    taus = [row.tau or 0.0 for _, row in known]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": taus,
        "y": [k for k, _ in known],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [0.0 if row.high is None else row.high - tau for (_, row), tau in zip(known, taus, strict=True)],
            "arrayminus": [
                0.0 if row.low is None else tau - row.low for (_, row), tau in zip(known, taus, strict=True)
            ],
            "color": MAGNITUDE[dark],
            "thickness": 3,
            "width": 5,
        },
        "marker": {"size": 12, "color": MAGNITUDE[dark], "symbol": "diamond"},
        "customdata": [_words(row) for _, row in known],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "pooled",
    }


def _words(row: TauRow) -> str:
    if row.tau is None:
        return f"{row.title}: {UNDEFINED}"
    between = "" if row.low is None or row.high is None else f" ({signed(row.low)} to {signed(row.high)})"
    chance = "" if row.band is None else f", chance {signed(row.band[0])} to {signed(row.band[1])}"
    return f"{row.title} {signed(row.tau)}{between}{chance}"
