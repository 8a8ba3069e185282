"""Answers of several models to the same records: beside each other, how far apart, and how good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from amfn.types import InputError
from app.figures.cohort_beeswarm import DOT_PX, LABELS, RING_PX
from app.figures.cohort_parts import dots, line, rows_of
from app.figures.drawing import (
    ROW_PX,
    Drawing,
    Trace,
    build,
    legend_above,
    listing,
    percent,
    row_axis,
    signed,
    value_column,
    wrapped,
)
from app.figures.guards import check_titles, numbers
from app.figures.performance import SHARES
from app.figures.risk import base_line, percent_axis, side
from app.theme import BACKGROUND, MAGNITUDE, MUTED, TEXT, alpha

OUTCOMES = 3
"""Negative, positive, not known."""
SYMBOLS = ("circle", "diamond", "x-thin-open")


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The records that are drawn, R of them. keys: what a click gives back; words: what hovering says; first, second:
    both models' chances f[R] in 0..1; outcomes: i[R], 0 or 1, -1 where not known."""

    keys: Sequence[int]
    words: Sequence[str]
    first: np.ndarray
    second: np.ndarray
    outcomes: np.ndarray


def risk_scatter(
    points: Points,
    models: tuple[str, str],
    outcome_names: tuple[str, str],
    threshold: float,
    of: int,
    picked: int | None = None,
    dark: bool = False,
) -> Drawing:
    """One point a record: the first model's chance across, the second's upwards. Where the two stand on opposite sides
    of the threshold (0..1) the ground is shaded. of: how many records these were drawn from; picked: a key to ring."""
    source, count = "risk_scatter", len(points.keys)
    across = numbers(source, "first", points.first, (count,), 0, 1)
    up = numbers(source, "second", points.second, (count,), 0, 1)
    if len(points.words) != count or len(points.outcomes) != count:
        raise InputError(source, f"{len(points.words)} words for {count} records", "one each", "Pass them together.")
    names = (*outcome_names, "outcome not known")
    colours = (*LABELS[dark], MUTED[dark])
    traces = [line([0, 1], [0, 1], MUTED[dark], "both the same", 2, "dot") | {"hoverinfo": "skip", "showlegend": False}]
    for k in range(OUTCOMES):
        own = np.flatnonzero(points.outcomes == (k if k < 2 else -1)).tolist()
        if own:
            traces.append(_cloud(points, own, across, up, SYMBOLS[k], colours[k], names[k], dark))
    if picked is not None and picked in points.keys:
        at = list(points.keys).index(picked)
        marker = {"symbol": "circle-open", "size": RING_PX, "color": TEXT[dark], "line": {"width": 2.5}}
        traces.append(
            {"type": "scatter", "mode": "markers", "x": [float(across[at])], "y": [float(up[at])], "marker": marker}
            | {"hoverinfo": "skip", "name": "chosen record", "showlegend": False}
        )
    opposite = int(((across >= threshold) != (up >= threshold)).sum())
    part = f"{count:,} of {of:,} records drawn" if count < of else f"{count:,} records"
    ground = {"type": "rect", "fillcolor": alpha(MUTED[dark], 0.14), "line": {"width": 0}, "layer": "below"}
    return build(
        traces,
        f"Chances by {models[0]} (across) and {models[1]} (upwards), {part}; {opposite:,} of these stand on opposite "
        f"sides of {percent(threshold)}.",
        dark,
        source,
        430,
        shapes=[
            ground | {"x0": -0.02, "x1": threshold, "y0": threshold, "y1": 1.02},
            ground | {"x0": threshold, "x1": 1.02, "y0": -0.02, "y1": threshold},
        ],
        xaxis={**SHARES, "title": {"text": models[0]}},
        yaxis={**SHARES, "title": {"text": models[1]}},
        showlegend=True,
        legend=legend_above(dark),
        clickmode="event+select",
        margin={"t": 30},
    )


def _cloud(
    points: Points, own: list[int], across: np.ndarray, up: np.ndarray, symbol: str, colour: str, name: str, dark: bool
) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [round(float(across[i]), 4) for i in own],
        "y": [round(float(up[i]), 4) for i in own],
        "marker": {"symbol": symbol, "size": DOT_PX, "color": colour, "opacity": 0.8}
        | {"line": {"color": alpha(MUTED[dark], 0.7) if symbol != SYMBOLS[2] else colour, "width": 0.5}},
        "customdata": [[int(points.keys[i]), points.words[i]] for i in own],
        "hovertemplate": "%{customdata[1]}<extra></extra>",
        "selected": {"marker": {"opacity": 0.8}},
        "unselected": {"marker": {"opacity": 0.8}},
        "name": name,
    }


def size_spread(
    edges: np.ndarray, counts: np.ndarray, median: float, most: float, largest: float, dark: bool = False
) -> Drawing:
    """How many records lie how far apart, f[K+1] edges and i[K] counts in shares of 1; lines at the median and at what
    95 % of the records stay below."""
    source = "size_spread"
    bars = len(counts)
    at = 100 * numbers(source, "edges", edges, (bars + 1,), 0, 1)
    number = numbers(source, "counts", counts, (bars,), 0)
    traces: list[Trace] = [
        {
            "type": "bar",
            "x": ((at[:-1] + at[1:]) / 2).tolist(),
            "y": number.tolist(),
            "width": np.diff(at).tolist(),
            "marker": {"color": alpha(MAGNITUDE[dark], 0.75), "line": {"color": BACKGROUND[dark], "width": 1}},
            "customdata": [
                f"{low:.1f} to {high:.1f} points apart: {int(n):,} records"
                for low, high, n in zip(at[:-1], at[1:], number, strict=True)
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
            "name": "records",
        }
    ]
    top = float(number.max()) or 1.0
    marks = ((median, "half below", 1.16), (most, "95 % below", 1.16 if most > 2.2 * median else 1.3))
    end = float(at[-1])
    return build(
        traces,
        f"Size of the difference in percentage points: half of the records below {100 * median:.1f}, 95 % below "
        f"{100 * most:.1f}, largest {100 * largest:.1f}.",
        dark,
        source,
        300,
        shapes=[
            {"type": "line", "x0": 100 * x, "x1": 100 * x, "y0": 0, "y1": y * top}
            | {"line": {"color": TEXT[dark], "width": 2, "dash": "dot"}}
            for x, _, y in marks
        ],
        annotations=[
            {"text": f"{words} {100 * x:.1f}", "x": 100 * x, "y": y * top, "yanchor": "bottom"}
            | side(100 * x / end, dark)
            for x, words, y in marks
        ],
        xaxis={"range": [0, end], "title": {"text": "percentage points apart"}, "nticks": 6, "ticks": "outside"},
        yaxis={"range": [0, 1.48 * top], "title": {"text": "records"}, "nticks": 5},
    )


def figure_differences(
    values: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    models: Sequence[str],
    reference: str,
    figure: str,
    more_is_better: bool,
    dark: bool = False,
) -> Drawing:
    """One row a model: its figure minus the reference's with its 95 % interval, around 0."""
    source = "figure_differences"
    size, value, low, high = rows_of(source, models, values, lows, highs)
    limit = 1.15 * float(np.abs(np.concatenate([low, high])).max()) or 0.01
    words = [f"{m}: {figure} {_three(value[k], low[k], high[k])} against {reference}" for k, m in enumerate(models)]
    column, margin = value_column([signed(float(v), 3) for v in value], dark)
    better = ("worse", "better") if more_is_better else ("better", "worse")
    return build(
        [dots(range(size), value, low, high, [MAGNITUDE[dark]] * size, words, dark, figure)],
        f"{figure}, difference to {reference} with 95 % intervals: {listing(words)}.",
        dark,
        source,
        ROW_PX * size + 92,
        xaxis={"range": [-limit, limit], "nticks": 5, "zeroline": True, "zerolinewidth": 2}
        | {"title": {"text": f"{figure}, difference to {reference}"}, "showgrid": True},
        yaxis=row_axis(models, 20),
        annotations=[*column, *(_head(word, x, dark) for x, word in enumerate(better))],
        margin={"r": margin, "t": 28},
    )


def risk_rows(
    risks: Sequence[float], models: Sequence[str], base_rate: float, threshold: float, noun: str, dark: bool = False
) -> Drawing:
    """One row a model: its chance on 0 to 100 %, the base rate dotted, the threshold a thin line. All in 0..1."""
    source = "risk_rows"
    size = check_titles(source, "models", models)
    value = numbers(source, "risks", risks, (size,), 0, 1)
    rate, limit = numbers(source, "base rate and threshold", [base_rate, threshold], (2,), 0, 1).tolist()
    traces = [
        line([0, float(v)], [k, k], MUTED[dark], models[k], 3) | {"hoverinfo": "skip"} for k, v in enumerate(value)
    ]
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": value.tolist(),
            "y": list(range(size)),
            "marker": {"symbol": "diamond", "size": 13, "color": TEXT[dark], "line": {"color": BACKGROUND[dark]}},
            "customdata": [f"{m}: {percent(float(v))} for {noun}" for m, v in zip(models, value, strict=True)],
            "hovertemplate": "%{customdata}<extra></extra>",
            "cliponaxis": False,
            "name": "risk",
        }
    )
    column, margin = value_column([percent(float(v)) for v in value], dark)
    threshold_line = base_line(limit, -0.5, size - 0.5, dark) | {"line": {"color": MUTED[dark], "width": 1}}
    shapes = [base_line(rate, -0.5, size - 0.5, dark)]
    notes: list[dict[str, Any]] = [_over(f"base rate {percent(rate)}", rate, dark)]
    if round(rate, 3) != round(limit, 3):
        shapes.append(threshold_line)
        notes.append(_over(f"threshold {percent(limit)}", limit, dark) | {"y": 0, "yanchor": "top"})
    said = listing([f"{m} {percent(float(v))}" for m, v in zip(models, value, strict=True)])
    return build(
        traces,
        f"{noun[:1].upper()}{noun[1:]}: {said}; base rate {percent(rate)}, threshold {percent(limit)}.",
        dark,
        source,
        34 * size + 92,
        shapes=shapes,
        annotations=[*column, *notes],
        xaxis=percent_axis(),
        yaxis=row_axis(models, 22) | {"ticktext": [wrapped(m, 22) for m in models], "ticklabelstandoff": 12},
        margin={"r": margin + 10, "t": 28},
    )


def _over(words: str, x: float, dark: bool) -> dict[str, Any]:
    return {"text": words, "x": x, "yref": "paper", "y": 1, "yanchor": "bottom", **side(x, dark)}


def _head(word: str, x: int, dark: bool) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "x": x, "y": 1, "xanchor": "right" if x else "left", "yanchor": "bottom"}
    return {"text": word, "showarrow": False, "font": {"size": 12, "color": TEXT[dark]}, **place}


def _three(value: float, low: float, high: float) -> str:
    return f"{signed(float(value), 3)} ({signed(float(low), 3)} to {signed(float(high), 3)})"
