"""Every drawn record's contributions, one row a modality, and how large they are on average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from amfn.types import InputError
from app.figures.bars import direction_heads
from app.figures.cohort_parts import between_words, rows_of
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
from app.theme import NEGATIVE, POSITIVE, SMALL, TEXT, modality_colour

SWARM_PX, ROOM = 64, 0.42
"""Height of a row, and how far from its middle a point may lie, in rows."""
BINS = 80
DOT_PX, RING_PX = 6, 12
CHAR_PX, FOOT_PX = 7.2, 52
SHARE_SCALE = {False: ((0.0, "#A486CC"), (1.0, "#4B1F7A")), True: ((0.0, "#7562A0"), (1.0, "#E6D8FF"))}
STILL = {"automargin": False}
"""Where the browser measures labels to make room for them it draws everything twice."""
STRONG = {False: "darker", True: "brighter"}
LABELS = {False: ("#7A8794", "#C2410C"), True: ("#8B98A8", "#FF9E5E")}


@dataclass(frozen=True, slots=True, eq=False)
class Swarm:
    """The records that are drawn, R of them. keys: what a click gives back; words: what hovering says of the record.

    values: f[R, M] log-odds, NaN where a record lacks the modality. shares: f[R, M] in 0..1, how much of the modality
    was measured, or None; outcomes: bool[R], or None: at most one of the two colours the points. outcome_names:
    of False and True.
    """

    keys: Sequence[int]
    words: Sequence[str]
    values: np.ndarray
    shares: np.ndarray | None = None
    outcomes: np.ndarray | None = None
    outcome_names: tuple[str, str] = ("", "")


def beeswarm(swarm: Swarm, titles: Sequence[str], of: int, picked: int | None = None, dark: bool = False) -> Drawing:
    """One point for each drawn record and modality, left lowers and right raises; points of a row are moved up and
    down only so that they do not hide each other.

    of: how many records these were drawn from. picked: the key of the record that is ringed in every row.
    """
    source = "beeswarm"
    rows, size = len(swarm.keys), check_titles(source, "modalities", titles)
    values = numbers(source, "contributions", swarm.values, (rows, size), gaps=True)
    if len(swarm.words) != rows:
        raise InputError(source, f"{len(swarm.words)} words for {rows} records", "one each", "Pass them together.")
    limit = 1.06 * float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    heights = np.column_stack([swarmed(values[:, k], limit) for k in range(size)])
    at = np.argwhere(np.isfinite(values))
    traces = _coloured(swarm, values, heights, titles, at, dark)
    named = swarm.outcomes is not None
    if picked is not None and picked in swarm.keys:
        row = list(swarm.keys).index(picked)
        own = [k for k in range(size) if np.isfinite(values[row, k])]
        traces.append(_ring([float(values[row, k]) for k in own], [k + float(heights[row, k]) for k in own], dark))
    middle = [float(np.nanmedian(values[:, k])) if np.isfinite(values[:, k]).any() else np.nan for k in range(size)]
    said = listing([f"{t} {signed(m)}" for t, m in zip(titles, middle, strict=True) if np.isfinite(m)])
    drawn = f"{rows:,} of {of:,} records drawn by chance" if rows < of else f"{rows:,} records"
    return build(
        traces,
        f"Contributions in log-odds of {drawn}, one row a modality. Medians: {said or 'none'}.",
        dark,
        source,
        SWARM_PX * size + (110 if named else 84),
        xaxis={"range": [-limit, limit], "nticks": 7, "title": {"text": "contribution to the log-odds (Shapley value)"}}
        | {"zeroline": True, "zerolinewidth": 2}
        | STILL,
        yaxis=row_axis(titles) | {"range": [size - 0.4, -0.6]} | STILL,
        annotations=direction_heads(dark)
        + ([] if swarm.shares is None else [_key(f"{STRONG[dark]}: more measured", dark)]),
        margin=_room(titles) | {"t": 56 if named else 30, "r": 14},
        showlegend=named,
        legend=legend_above(dark) | {"yref": "container", "y": 1, "yanchor": "top"},
        clickmode="event+select",
    )


def swarmed(values: np.ndarray, limit: float) -> np.ndarray:
    """How far each value is moved from the middle of its row, f64[R] within ±ROOM: in turn up and down by how many
    share its place; NaN where there is no value. Same values, same places."""
    known = np.flatnonzero(np.isfinite(values))
    out = np.full(len(values), np.nan)
    place = np.clip(((values[known] + limit) / (2 * limit) * BINS).astype(int), 0, BINS - 1)
    order = np.lexsort((known, place))
    sorted_place = place[order]
    first = np.searchsorted(sorted_place, sorted_place, "left")
    turn = np.arange(len(order)) - first
    step = ((turn + 1) // 2) * np.where(turn % 2, 1.0, -1.0)
    widest = max(float(np.abs(step).max(initial=0.0)), 8.0)
    out[known[order]] = ROOM * step / widest
    return out


def strength(
    values: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    names: Sequence[str],
    titles: Sequence[str],
    records: Sequence[int],
    dark: bool = False,
) -> Drawing:
    """Mean size of each modality's contribution with its 95 % interval, over the records that have it. In log-odds."""
    source = "strength"
    size, value, low, high = rows_of(source, titles, values, lows, highs)
    texts = [f"{v:.2f}" if np.isfinite(v) else "no record" for v in value]
    known = [k for k in range(size) if np.isfinite(value[k])]
    end = 1.08 * float(np.nanmax(high, initial=0.0)) or 1.0
    bars: Trace = {
        "type": "bar",
        "orientation": "h",
        "y": known,
        "x": [float(value[k]) for k in known],
        "width": 0.6,
        "marker": {"color": [modality_colour(names[k]) for k in known], "line": {"color": TEXT[dark], "width": 1}},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [float(high[k] - value[k]) for k in known],
            "arrayminus": [float(value[k] - low[k]) for k in known],
            "color": TEXT[dark],
            "thickness": 2,
            "width": 5,
        },
        "customdata": [
            f"{titles[k]}: {between_words(value[k], low[k], high[k])} log-odds, {records[k]:,} records have it"
            for k in known
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "mean size",
    }
    column, margin = value_column(texts, dark)
    order = sorted(known, key=lambda k: -float(value[k]))
    said = listing([f"{titles[k]} {between_words(value[k], low[k], high[k])}" for k in order]) or "no record"
    return build(
        [bars],
        f"Mean size of contribution in log-odds with 95 % intervals, largest first: {said}.",
        dark,
        source,
        ROW_PX * size + 62,
        xaxis={"range": [0, end], "nticks": 5, "title": {"text": "mean size of contribution, log-odds"}} | STILL,
        yaxis=row_axis(titles) | STILL,
        annotations=column,
        margin=_room(titles) | {"r": margin},
    )


def _coloured(
    swarm: Swarm, values: np.ndarray, heights: np.ndarray, titles: Sequence[str], at: np.ndarray, dark: bool
) -> list[Trace]:
    if swarm.outcomes is not None:
        return [
            _points(swarm, values, heights, titles, at[swarm.outcomes[at[:, 0]] == bool(k)], dark)
            | {"name": name, "showlegend": True}
            | {"marker": _dot(LABELS[dark][k], dark) | {"symbol": ("circle", "diamond")[k]}}
            for k, name in enumerate(swarm.outcome_names)
        ]
    points = _points(swarm, values, heights, titles, at, dark)
    if swarm.shares is None:
        colours = np.where(values[tuple(at.T)] > 0, POSITIVE[dark], NEGATIVE[dark])
        return [points | {"marker": _dot(colours.astype(object), dark)}]
    shares = numbers("beeswarm", "shares", swarm.shares, values.shape, 0, 1, gaps=True)
    marker = _dot(_plain(np.nan_to_num(shares[tuple(at.T)])), dark)
    scale = {"cmin": 0, "cmax": 1, "colorscale": [list(stop) for stop in SHARE_SCALE[dark]]}
    return [points | {"marker": marker | scale | {"showscale": False}}]


def _points(
    swarm: Swarm, values: np.ndarray, heights: np.ndarray, titles: Sequence[str], at: np.ndarray, dark: bool
) -> Trace:
    i, k = at.T
    x = values[i, k].tolist()
    shares = np.full(len(x), np.nan) if swarm.shares is None else np.asarray(swarm.shares, dtype=float)[i, k]
    said = [
        [swarm.keys[row], f"{swarm.words[row]}<br>{titles[column]} {signed(value)}{_measured(share)}"]
        for row, column, value, share in zip(i.tolist(), k.tolist(), x, shares.tolist(), strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": _plain(np.round(x, 4)),
        "y": _plain(np.round(k + heights[i, k], 3)),
        "customdata": np.array(said, dtype=object).reshape(-1, 2),
        "hovertemplate": "%{customdata[1]}<extra></extra>",
        "selected": {"marker": {"opacity": 0.85}},
        "unselected": {"marker": {"opacity": 0.85}},
        "name": "records",
    }


def _plain(values: np.ndarray) -> np.ndarray:
    """As Python's own numbers: lists of thousands of them take plotly several times as long to check."""
    return values.astype(object)


def _measured(share: float) -> str:
    return "" if np.isnan(share) else f", {percent(share)} measured"


def _dot(colour: Any, dark: bool) -> dict[str, Any]:
    # An outline of each of thousands of points takes the browser as long as the points.
    return {"size": DOT_PX, "color": colour, "opacity": 0.85, "line": {"width": 0}}


def _ring(x: list[float], y: list[float], dark: bool) -> Trace:
    marker = {"symbol": "circle-open", "size": RING_PX, "color": TEXT[dark], "line": {"width": 2.5}}
    return {"type": "scatter", "mode": "markers", "x": x, "y": y, "marker": marker, "hoverinfo": "skip"} | {
        "name": "chosen record",
        "showlegend": False,
    }


def _room(titles: Sequence[str]) -> dict[str, Any]:
    """Margins that hold the rows' labels and the axis below them."""
    widest = max(len(part) for title in titles for part in wrapped(title).split("<br>"))
    return {"l": 12 + round(CHAR_PX * widest), "b": FOOT_PX, "autoexpand": False}


def _key(words: str, dark: bool) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 1, "yanchor": "bottom", "showarrow": False}
    return {"text": words, "font": {"size": SMALL, "color": TEXT[dark]}, **place}
