"""Routing over the records of a cohort: how it spreads, beside what contributed, and whether the two rank alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from amfn.types import InputError
from app.figures.cohort_parts import boxes, line
from app.figures.drawing import ROW_PX, Drawing, Trace, build, listing, percent, row_axis, signed, value_column
from app.figures.guards import check_titles, numbers
from app.figures.panels import share_ticks, spread
from app.theme import MAGNITUDE, MUTED, SMALL, TEXT, modality_colour

FIVE = "whiskers 5 to 95 %, box 25 to 75 %, line: median, diamond: mean"


def spread_of_shares(
    quantiles: np.ndarray,
    means: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    records: Sequence[int],
    axis_title: str,
    as_percent: bool,
    dark: bool = False,
) -> Drawing:
    """How gates or fusion weights spread over the records that have a modality.

    quantiles: f[M, 5] at 5, 25, 50, 75, 95 %, means: f[M], in 0..1, NaN rows where no record has the modality.
    """
    source = "spread_of_shares"
    size = check_titles(source, "modalities", titles)
    five = numbers(source, "quantiles", quantiles, (size, 5), 0, 1, gaps=True)
    mean = numbers(source, "means", means, (size,), 0, 1, gaps=True)
    known = np.flatnonzero(np.isfinite(mean)).tolist()
    write = percent if as_percent else _two
    words = [
        f"{titles[k]}: mean {write(float(mean[k]))}, median {write(float(five[k, 2]))}, half of {records[k]:,} records "
        f"from {write(float(five[k, 1]))} to {write(float(five[k, 3]))}"
        for k in known
    ]
    traces = boxes(known, five[known], mean[known], [modality_colour(names[k]) for k in known], words, dark, axis_title)
    column, margin = value_column([write(float(m)) if np.isfinite(m) else "no record" for m in mean], dark)
    top = float(np.nanmax(five, initial=0.0))
    end = min(1.0, 1.08 * top) if as_percent else 1.0
    ticks = share_ticks(0, end) if as_percent else {"tickvals": [0, 0.25, 0.5, 0.75, 1]}
    return build(
        traces,
        f"{axis_title[:1].upper()}{axis_title[1:]} over records ({FIVE}): {'; '.join(words) or 'no record'}.",
        dark,
        source,
        ROW_PX * size + 58,
        xaxis={"range": [-0.01 * end, 1.01 * end], **ticks, "showgrid": True, "title": {"text": axis_title}},
        yaxis=row_axis(titles),
        annotations=column,
        margin={"r": margin},
    )


def routing_and_contribution(
    routing: np.ndarray,
    contribution: np.ndarray,
    names: Sequence[str],
    titles: Sequence[str],
    routing_title: str,
    dark: bool = False,
) -> Drawing:
    """One point a modality: its mean routing and the mean size of its Shapley values over the records that have it.

    routing: f[M] in 0..1; contribution: f[M] in log-odds, from 0 up; NaN where no record has it.
    """
    source = "routing_and_contribution"
    size = check_titles(source, "modalities", titles)
    across = numbers(source, "routing", routing, (size,), 0, 1, gaps=True)
    up = numbers(source, "contribution", contribution, (size,), 0, gaps=True)
    known = np.flatnonzero(np.isfinite(across) & np.isfinite(up)).tolist()
    if not len(known):
        raise InputError(source, "no modality with both", "one or more", "Leave this chart out and say so in words.")
    top = 1.12 * float(up[known].max()) or 1.0
    low, high = float(across[known].min()), float(across[known].max())
    span = max(high - low, 0.1 * high, 0.01)
    left, right = max(0.0, low - 0.15 * span), high + 0.15 * span
    places = spread(up[known].tolist(), 0.075 * top, 0.03 * top, 0.97 * top)
    leaders = [
        line([float(across[k]), right], [float(up[k]), y], MUTED[dark], titles[k], 1) | {"hoverinfo": "skip"}
        for k, y in zip(known, places, strict=True)
    ]
    points: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": across[known].tolist(),
        "y": up[known].tolist(),
        "marker": {
            "size": 14,
            "color": [modality_colour(names[k]) for k in known],
            "line": {"color": TEXT[dark], "width": 1},
        },
        "customdata": [
            f"{titles[k]}: {routing_title} {100 * across[k]:.1f} %, mean size of contribution {up[k]:.2f} log-odds"
            for k in known
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
        "name": "modalities",
    }
    labels = [
        {"text": titles[k], "xref": "paper", "x": 1, "y": y, "xanchor": "left", "xshift": 4, "showarrow": False}
        | {"font": {"size": SMALL, "color": TEXT[dark]}}
        for k, y in zip(known, places, strict=True)
    ]
    said = listing([f"{titles[k]} {100 * across[k]:.1f} % and {up[k]:.2f}" for k in known])
    return build(
        [*leaders, points],
        f"Mean {routing_title} beside mean size of contribution (log-odds): {said}.",
        dark,
        source,
        360,
        xaxis={"range": [left, right], **share_ticks(left, right), "ticks": "outside"}
        | {"title": {"text": f"mean {routing_title}"}, "showgrid": True},
        yaxis={"range": [0, top], "nticks": 6, "title": {"text": "mean size of contribution, log-odds"}},
        annotations=labels,
        margin={"r": 16 + round(6.6 * max(len(titles[k]) for k in known))},
    )


def agreement_spread(
    quantiles: np.ndarray,
    means: np.ndarray,
    titles: Sequence[str],
    records: Sequence[int],
    below: Sequence[float],
    dark: bool = False,
) -> Drawing:
    """How Kendall's tau of each measure of routing with one of contribution spreads over records, from -1 (reversed)
    through 0 (unrelated) to +1 (same order).

    quantiles: f[P, 5], means: f[P], NaN rows where it is defined for no record; below: share of records below 0.
    """
    source = "agreement_spread"
    size = check_titles(source, "pairs", titles)
    five = numbers(source, "quantiles", quantiles, (size, 5), -1, 1, gaps=True)
    mean = numbers(source, "means", means, (size,), -1, 1, gaps=True)
    known = np.flatnonzero(np.isfinite(mean)).tolist()
    words = [
        f"{titles[k]}: mean {signed(float(mean[k]))}, median {signed(float(five[k, 2]))}, half of "
        f"{records[k]:,} records from {signed(float(five[k, 1]))} to {signed(float(five[k, 3]))}, "
        f"{percent(below[k])} below 0"
        for k in known
    ]
    traces = boxes(known, five[known], mean[known], [MAGNITUDE[dark]] * len(known), words, dark, "tau")
    column, margin = value_column(
        [signed(float(mean[k])) if np.isfinite(mean[k]) else "not defined" for k in range(size)], dark
    )
    return build(
        traces,
        f"Rank agreement (Kendall's tau) over records ({FIVE}): {'; '.join(words) or 'nowhere defined'}.",
        dark,
        source,
        ROW_PX * size + 76,
        xaxis={"range": [-1.03, 1.03], "tickvals": [-1, -0.5, 0, 0.5, 1], "zeroline": True, "zerolinewidth": 2}
        | {"title": {"text": "Kendall's tau of one record"}, "showgrid": True},
        yaxis=row_axis(titles, 20),
        annotations=[*column, _end("reversed", 0, dark), _end("same order", 1, dark)],
        margin={"r": margin, "t": 26},
    )


def _end(text: str, x: float, dark: bool) -> dict[str, object]:
    place = {"xref": "paper", "yref": "paper", "x": x, "y": 1, "xanchor": "right" if x else "left", "yanchor": "bottom"}
    return {"text": text, "showarrow": False, "font": {"size": SMALL, "color": TEXT[dark]}, **place}


def _two(value: float) -> str:
    return f"{value:.2f}"
